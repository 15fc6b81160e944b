package model

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// live boots and serves until the worker ends by itself or is told to.
func (p *Port) live() worker.Exit {
	f := &p.profile
	if !p.do(f.BootCPU, f.BootWait) {
		return worker.Exit{}
	}
	if f.DieBooted != nil {
		return *f.DieBooted
	}
	for {
		frame, ok := p.next()
		if !ok {
			return worker.Exit{}
		}
		r, err := wire.ParseHead(frame)
		if err != nil {
			return worker.Exit{Code: 2}
		}
		order, _ := wire.OrderIn(frame)
		reply := wire.Reply{ID: r.ID, Success: true}
		if r.ID == 0 {
			switch {
			case f.DieAtHello != nil:
				return *f.DieAtHello
			case f.Mute:
				continue
			}
			p.hello(&reply)
		} else if exit, ended := p.call(r, order, &reply); ended {
			return exit
		} else if reply.ErrorType == resultError && slices.Contains(p.habits, worker.Swallows) {
			continue
		}
		if r.Evidence {
			had, waited := p.cpu.Used()
			reply.Evidence = &wire.Evidence{OnCPU: had, RunDelay: waited}
		}
		reply.Timestamp = float64(time.Now().UnixNano()) / 1e9
		if frame, err = wire.AppendReply(make([]byte, 0, len(reply.Result)+frameRest), reply); err != nil {
			return worker.Exit{Code: 2}
		}
		p.out.put(frame)
		switch {
		case r.ID == 0 && f.TwoHellos:
			p.out.put(frame)
		case r.ID != 0 && p.Calls() == f.TwiceAt:
			if !p.do(0, f.TwiceAfter) {
				return worker.Exit{}
			}
			p.out.put(frame)
		}
		if r.Command == "shutdown" && !slices.Contains(p.habits, worker.Stays) {
			return worker.Exit{}
		}
	}
}

// frameRest is about how many bytes a reply has beside its result.
const frameRest = 160

// next waits for a frame; false if the worker is told to end meanwhile.
func (p *Port) next() (frame []byte, ok bool) {
	for !isClosed(p.stop) {
		if frame, ok = p.in.take(); ok {
			return frame, true
		}
		select { // only wakes us
		case <-p.in.some:
		case <-p.stop:
		}
	}
	return nil, false
}

var statusOK = json.RawMessage(`{"status":"ok","capabilities":["evidence"]}`)

func (p *Port) hello(reply *wire.Reply) {
	reply.ID = p.profile.HelloID
	reply.Result = statusOK
	if p.profile.Hello != nil {
		reply.Result = raw(p.profile.Hello)
	}
}

// call serves one call, in which it may have been ordered to exit; ended says that
// the worker ended in the midst of it.
func (p *Port) call(r wire.Head, order wire.Order, reply *wire.Reply) (exit worker.Exit, ended bool) {
	p.mu.Lock()
	p.calls++
	n := p.calls
	p.mu.Unlock()
	if n == p.profile.DieAtCall {
		return worker.Exit{Code: 1}, true
	}
	if deaf := p.profile.DeafAt; deaf > 0 && n >= deaf {
		<-p.stop
		return worker.Exit{}, true
	}
	if order.Exit != 0 {
		if order.After <= 0 {
			return worker.Exit{Code: order.Exit}, true
		}
		defer time.AfterFunc(order.After, func() { p.crash(worker.Exit{Code: order.Exit}) }).Stop()
	}
	asked, known := p.serve(r, reply)
	fate := Fate{Demand: asked}
	if p.launcher.Fate != nil {
		fate = p.launcher.Fate(Call{ID: r.Text("call_id"), Command: r.Command, Asked: asked})
		fate.alter(reply, known)
	}
	if !p.do(fate.CPU, fate.Wait) {
		return worker.Exit{}, true
	}
	if order.Exit != 0 { // the call was over sooner: it is not answered either
		return worker.Exit{Code: order.Exit}, true
	}
	if fate.Dies != nil {
		return *fate.Dies, true
	}
	if n == p.profile.WrongIDAt {
		reply.ID++
	}
	return worker.Exit{}, false
}

// Knows says whether a worker has a command.
func Knows(command string) bool {
	switch command {
	case "ping", "echo", "sleep", "burn", "shutdown", "call":
		return true
	}
	return keeps(command)
}

// serve says what a command asks for, and how it is answered once it has had
// that; known says whether the model has it at all.
func (p *Port) serve(r wire.Head, reply *wire.Reply) (asked Demand, known bool) {
	asked = asks(r.Command, r.Number)
	if !Knows(r.Command) {
		*reply = wire.Reply{ID: r.ID, Error: fmt.Sprintf("UnknownCommand: %s", r.Command), ErrorType: "UnknownCommand"}
		return asked, false
	}
	switch r.Command {
	case "ping":
		reply.Result = statusOK
	case "echo":
		reply.Result = r.Args
	case "sleep":
		reply.Result = spent("slept_s", asked.Wait)
	case "burn":
		reply.Result = spent("burnt_s", asked.CPU)
	case "shutdown":
		reply.Result = json.RawMessage(`{"status":"shutting down"}`)
	case "call":
		p.function(&r, reply)
	default:
		result, err := p.keep(&r)
		if err != nil {
			*reply = wire.Reply{ID: r.ID, Error: "ArgumentError: " + err.Error(), ErrorType: "ArgumentError"}
			break
		}
		reply.Result = raw(result)
	}
	return asked, true
}

func spent(name string, d time.Duration) json.RawMessage {
	return fmt.Appendf(nil, `{%q:%v}`, name, d.Seconds())
}

func raw(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // the model's own values
	}
	return b
}
