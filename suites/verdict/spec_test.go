//go:build linux

package verdict_test

import (
	. "github.com/onsi/ginkgo/v2"

	"github.com/butfor/butfor/harness"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

var _ = Describe("a pool of cold workers", func() {
	It("keeps its deadline, if it is mine", func() {
		harness.Trial{T: suiteT}.Run(GinkgoT(), cold(subject.Subject{Name: "mine", Open: openMine}))
	})
	It("keeps its deadline, if it is puddle", func() {
		harness.Trial{T: suiteT}.Run(GinkgoT(), cold(subject.Puddle()))
	})
	It("misses its deadline, if it starts one worker after another", func() {
		harness.Trial{T: suiteT, Expected: scenario.Architectural}.Run(GinkgoT(), cold(serial))
	})
})
