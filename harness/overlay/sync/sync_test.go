package sync

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	std "sync"
	"testing"
	"testing/synctest"
	"time"
)

// exported are the names that the Go files of a folder declare for others.
func exported(t *testing.T, dir string, files ...string) (names []string) {
	t.Helper()
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.IsExported() {
					names = append(names, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if s, ok := s.(*ast.TypeSpec); ok && s.Name.IsExported() {
						names = append(names, s.Name.Name)
					}
				}
			}
		}
	}
	slices.Sort(names)
	return names
}

func TestItHasAllThatTheStandardLibraryHas(t *testing.T) {
	theirs, err := build.Import("sync", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	if want, got := exported(t, theirs.Dir, theirs.GoFiles...), exported(t, ".", "sync.go"); !slices.Equal(got, want) {
		t.Errorf("it has %q, the standard library %q", got, want)
	}
	for _, pair := range [][2]reflect.Type{
		{reflect.TypeFor[*Mutex](), reflect.TypeFor[*std.Mutex]()},
		{reflect.TypeFor[*RWMutex](), reflect.TypeFor[*std.RWMutex]()},
		{reflect.TypeFor[*Once](), reflect.TypeFor[*std.Once]()},
	} {
		ours, theirs := pair[0], pair[1]
		for i := range theirs.NumMethod() {
			want := theirs.Method(i)
			if got, ok := ours.MethodByName(want.Name); !ok || got.Type.NumIn() != want.Type.NumIn() || got.Type.NumOut() != want.Type.NumOut() {
				t.Errorf("%v has no %s like that of %v", ours, want.Name, theirs)
			}
		}
	}
}

// anHour has a lock held for an hour of virtual time.
func anHour(l Locker) {
	l.Lock()
	time.AfterFunc(time.Hour, l.Unlock)
}

func TestALockIsWaitedForInVirtualTimeAndInLine(t *testing.T) {
	var outlives Mutex // a bubble
	for range 2 {
		synctest.Test(t, func(*testing.T) {
			anHour(&outlives)
			begin, order := time.Now(), make(chan int, 3)
			for i := range 3 {
				go func() {
					outlives.Lock()
					order <- i
					outlives.Unlock()
				}()
				synctest.Wait()
			}
			if outlives.TryLock() {
				t.Error("two have it")
			}
			for i := range 3 {
				if got := <-order; got != i || time.Since(begin) != time.Hour {
					t.Errorf("%d had it in place %d, after %v", got, i, time.Since(begin))
				}
			}
			synctest.Wait()
			if !outlives.TryLock() {
				t.Error("nobody has it, yet it is not to be had")
			}
			outlives.Unlock()
		})
	}
}

func TestManyReadOrOneWrites(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		var rw RWMutex
		begin := time.Now()
		at := func(what string, want time.Duration) {
			if got := time.Since(begin); got != want {
				t.Errorf("%s after %v, want %v", what, got, want)
			}
		}
		rw.RLock()
		anHour(rw.RLocker())
		if rw.TryLock() || !rw.TryRLock() {
			t.Error("beside readers one writes, or nobody reads")
		}
		rw.RUnlock()
		rw.RUnlock()
		done := make(chan struct{})
		go func() {
			anHour(&rw)
			at("written", time.Hour)
			close(done)
		}()
		synctest.Wait()
		if rw.TryRLock() {
			t.Error("one reads before a writer who came earlier")
		}
		var both std.WaitGroup
		for range 2 {
			both.Go(func() {
				rw.RLock()
				at("read", 2*time.Hour)
			})
		}
		<-done
		both.Wait()
		rw.RUnlock()
		if rw.TryLock() {
			t.Error("one writes beside a reader")
		}
		rw.RUnlock()
		if !rw.TryLock() || rw.TryRLock() {
			t.Error("a free lock is not to be had, or one reads beside a writer")
		}
	})
}

func TestACondWaitsWithALock(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		var mu Mutex
		c, there := NewCond(&mu), false
		time.AfterFunc(time.Hour, func() {
			mu.Lock()
			defer mu.Unlock()
			there = true
			c.Broadcast()
		})
		mu.Lock()
		for !there {
			c.Wait()
		}
		mu.Unlock()
	})
}

func TestAOnceIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		var o Once
		n := 0
		begin := time.Now()
		var all WaitGroup
		for range 3 {
			all.Go(func() {
				o.Do(func() {
					time.Sleep(time.Hour)
					n++
				})
				if n != 1 || time.Since(begin) != time.Hour {
					t.Errorf("it was done %d times after %v", n, time.Since(begin))
				}
			})
		}
		all.Wait()
	})
}

func TestWhoUnlocksWhatIsFreePanics(t *testing.T) {
	var m Mutex
	var rw RWMutex
	for name, unlock := range map[string]func(){"Mutex": m.Unlock, "RWMutex": rw.Unlock, "RWMutex for readers": rw.RUnlock} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was unlocked though it was free", name)
				}
			}()
			unlock()
		}()
	}
}
