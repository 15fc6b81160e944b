// Package point marks the places in a program where the order of goroutines may
// be decided from outside: scheduling points and locks. Without the build tag
// butfor_points all of it comes to nothing: a Mutex is a sync.Mutex, a Name is
// empty, and At is an empty function that the compiler takes away. Who decides,
// and by what rule, belongs to harness/world/virtual.
package point

// A Park blocks its caller until it may go on. who and at together name one
// goroutine at one place.
type Park func(who, at string)
