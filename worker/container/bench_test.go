//go:build linux

package container_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/container"
	"github.com/butfor/butfor/worker/process"
)

// BenchmarkEcho64B has the ports side by side: a plain process's, a container's over
// its socket and over its stdin and stdout, and those of workers in a box.
func BenchmarkEcho64B(b *testing.B) {
	b.Run("process", func(b *testing.B) { echoes(b, &process.Launcher{}) })
	for _, t := range []container.Transport{container.Socket, container.Stdio} {
		e, err := container.Open(context.Background(), container.Settings{Transport: t})
		if errors.Is(err, container.ErrUnavailable) {
			b.Skip(err)
		}
		if err != nil {
			b.Fatal(err)
		}
		b.Run("container/"+string(t), func(b *testing.B) { echoes(b, &container.Launcher{Engine: e}) })
		box, err := e.Box(context.Background(), container.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run("box/"+string(t), func(b *testing.B) { echoes(b, &container.Launcher{Engine: e, Box: box}) })
		if err := errors.Join(box.Close(), e.Close()); err != nil {
			b.Error(err)
		}
	}
}

func echoes(b *testing.B, l worker.Launcher) {
	w, err := worker.Start(context.Background(), l, "w1")
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := w.Port.Close(context.Background()); err != nil {
			b.Error(err)
		}
	}()
	args := map[string]any{"text": strings.Repeat("x", 32)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Call(context.Background(), worker.Request{Command: "echo", Args: args}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// BenchmarkStart has the starts side by side, and what of each is the engine's.
func BenchmarkStart(b *testing.B) {
	b.Run("process", func(b *testing.B) { starts(b, &process.Launcher{}) })
	e, err := container.Open(context.Background(), container.Settings{})
	if errors.Is(err, container.ErrUnavailable) {
		b.Skip(err)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Run("container", func(b *testing.B) { starts(b, &container.Launcher{Engine: e}) })
	box, err := e.Box(context.Background(), container.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("box", func(b *testing.B) { starts(b, &container.Launcher{Engine: e, Box: box}) })
	if err := errors.Join(box.Close(), e.Close()); err != nil {
		b.Error(err)
	}
}

func starts(b *testing.B, l worker.Launcher) {
	var engine float64
	for b.Loop() {
		w, err := worker.Start(context.Background(), l, "w1")
		if err != nil {
			b.Fatal(err)
		}
		engine += w.Port.Info().Engine.Total().Seconds()
		_ = w.Port.Kill()
		<-w.Port.Done()
	}
	b.ReportMetric(engine*1e3/float64(b.N), "engine-ms/op")
}
