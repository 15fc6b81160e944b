//go:build linux

package outside

import (
	"testing"

	"github.com/butfor/butfor/internal/leftover"
)

func TestMain(m *testing.M) { leftover.Main(m) }
