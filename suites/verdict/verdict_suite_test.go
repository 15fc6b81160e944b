//go:build linux

// Package verdict_test puts pools on trial the way that anyone may in tests of
// their own: in go test, and in Ginkgo. The README shows what is in mine_test.go
// and spec_test.go.
package verdict_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/goleak"

	"github.com/butfor/butfor/internal/leftover"
)

func TestMain(m *testing.M) {
	var runners []goleak.Option // its own goroutines, which outlast a suite
	for _, f := range []string{".(*genericOutputInterceptor).ResumeIntercepting.func1", ".(*genericOutputInterceptor).ResumeIntercepting.func1.1",
		"/interrupt_handler.(*InterruptHandler).registerForInterrupts.func1", "/interrupt_handler.(*InterruptHandler).registerForInterrupts.func2"} {
		runners = append(runners, goleak.IgnoreAnyFunction("github.com/onsi/ginkgo/v2/internal"+f))
	}
	leftover.Main(m, runners...)
}

// suiteT is where replays take place: a spec is no *testing.T.
var suiteT *testing.T

func TestVerdicts(t *testing.T) {
	suiteT = t
	RegisterFailHandler(Fail)
	RunSpecs(t, "Verdicts")
}
