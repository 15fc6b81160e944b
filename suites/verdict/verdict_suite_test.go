//go:build linux

// Package verdict_test puts pools on trial the way that anyone may in tests of
// their own: in go test, and in Ginkgo. The README shows what is in mine_test.go
// and spec_test.go.
package verdict_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// suiteT is where replays take place: a spec is no *testing.T.
var suiteT *testing.T

func TestVerdicts(t *testing.T) {
	suiteT = t
	RegisterFailHandler(Fail)
	RunSpecs(t, "Verdicts")
}
