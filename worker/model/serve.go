package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// launch has it begin its life once its launch is over.
func (p *Port) launch(ctx context.Context) error {
	if d := p.profile.Launch; d > 0 {
		over := time.NewTimer(d)
		defer over.Stop()
		select {
		case <-over.C:
		case <-p.done:
		case <-ctx.Done():
		}
		if turn := p.launcher.Turn; turn != nil {
			its := make(chan struct{})
			turn(p.who, "launched", func() { close(its) })
			<-its
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		p.end(worker.Exit{})
		return err
	}
	if p.stopped {
		return errors.New("it was killed while it was launched")
	}
	p.boot()
	return nil
}

// What follows is done under the port's mutex, but for what takes it.

// boot begins its life.
func (p *Port) boot() {
	f := &p.profile
	if f.DieAged != nil {
		p.age = time.AfterFunc(max(0, f.DieAge-f.Launch), func() { p.crash(*f.DieAged) })
	}
	if f.BootCPU <= 0 && f.BootWait <= 0 && f.DieBooted == nil {
		return
	}
	p.booting = true
	p.do(Demand{CPU: f.BootCPU, Wait: f.BootWait}, func() {
		if f.DieBooted != nil {
			p.end(*f.DieBooted)
		}
	})
}

// next has it serve the next frame, if it may and there is one.
func (p *Port) next() {
	if p.busy || p.stopped || p.paused || len(p.in) == 0 {
		return
	}
	frame := p.in[0]
	p.in = slices.Delete(p.in, 0, 1)
	var err error
	if p.head, err = wire.ParseHead(frame); err != nil {
		p.unread(err)
		return
	}
	f := &p.profile
	p.reply = wire.Reply{ID: p.head.ID, Success: true}
	if p.order = f.AtHello; p.head.ID != 0 {
		p.order = wire.OrderIn(frame)
	}
	p.first = ""
	if p.head.ID == 0 && f.Imports {
		p.first += wire.StatedImport + "\n"
	}
	if p.head.ID == 0 && f.ReadsSlowly {
		p.first += wire.StatedDisk + "\n"
	}
	switch {
	case p.head.ID != 0:
		p.call()
	case f.DieAtHello != nil:
		p.dies(*f.DieAtHello)
	case f.Mute:
		p.do(Demand{}, func() {})
	case p.obeys():
	default:
		p.hello()
		p.do(Demand{}, p.answer)
	}
}

// dies has it end at once, in place of an answer.
func (p *Port) dies(exit worker.Exit) { p.do(Demand{}, func() { p.end(exit) }) }

// do has it meet a demand, and then, in its turn, what comes of it.
func (p *Port) do(d Demand, then func()) {
	p.busy, p.wait, p.then = true, d.Wait, then
	if d.CPU > 0 {
		p.burn(d.CPU)
	} else {
		p.rest()
	}
}

func (p *Port) computed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.computing = false
	if !p.stopped {
		p.rest()
	}
}

func (p *Port) rest() {
	if p.wait > 0 {
		p.waiting = time.AfterFunc(p.wait, p.rested)
	} else {
		p.met()
	}
}

func (p *Port) rested() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		p.met()
	}
}

// met comes once its demand is met. Who has booted goes on to its hello: that is
// what can be seen of it.
func (p *Port) met() {
	booted := p.booting
	p.booting = false
	if booted && p.profile.DieBooted == nil && len(p.in) > 0 {
		p.busy = false
		p.next()
		return
	}
	p.ask()
}

// ask asks for its turn. Whatever it is in the midst of has one, also when it is
// told to end meanwhile: whether that came at the very instant at which it was done
// makes no difference then.
func (p *Port) ask() {
	p.asked = true
	p.inTurn("turn", p.goOn)
}

// inTurn has something done in its turn at that place: at once where nobody has one.
func (p *Port) inTurn(at string, do func()) {
	if p.launcher == nil || p.launcher.Turn == nil {
		do()
		return
	}
	p.launcher.Turn(p.who, at, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		do()
	})
}

func (p *Port) goOn() {
	if p.postponed(p.goOn) {
		return
	}
	p.asked, p.busy = false, false
	if p.stopped {
		p.leave()
		return
	}
	if p.first != "" {
		p.writes(p.first)
		p.first = ""
	}
	p.then()
	p.next()
}

// crash has it end itself, in its turn, in the midst of whatever it does, unless it was
// told to end before.
func (p *Port) crash(exit worker.Exit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inTurn("crashes", func() { p.crashes(exit) })
}

func (p *Port) crashes(exit worker.Exit) {
	if !p.postponed(func() { p.crashes(exit) }) && !p.stopped {
		p.died = &exit
		p.stop()
	}
}

// stop has it leave off whatever it does.
func (p *Port) stop() {
	if p.stopped {
		return
	}
	p.stopped = true
	p.disarm()
	switch {
	case !p.busy:
		p.leave()
	case !p.asked:
		p.ask()
	}
}

func (p *Port) disarm() {
	p.cpu.Stop()
	for _, t := range []*time.Timer{p.waiting, p.ordered, p.age} {
		if t != nil {
			t.Stop()
		}
	}
}

// leave is how it goes once it has left off.
func (p *Port) leave() {
	switch {
	case p.died != nil:
		p.end(*p.died)
	case p.killed:
		p.end(worker.Exit{Code: -1, Signal: syscall.SIGKILL})
	case p.outlives || p.has(worker.Outlives):
		if p.has(worker.Outlives) {
			had, _, _ := p.cpu.Used()
			p.logs.Store(&had)
		}
		p.cpu.Burn(outlived, p.gone)
	case p.profile.Stubborn > 0:
		p.writes(wire.StatedStay + "\n")
		p.waiting = time.AfterFunc(p.profile.Stubborn, p.gone)
	default:
		p.end(worker.Exit{})
	}
}

// gone ends it that was told to.
func (p *Port) gone() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(worker.Exit{})
}

// end ends it.
func (p *Port) end(exit worker.Exit) {
	if p.Gone() {
		return
	}
	p.stopped = true
	p.disarm()
	p.exit = exit
	close(p.done)
}

// answer puts out the reply, in the way that was ordered.
func (p *Port) answer() {
	reply := &p.reply
	if p.head.Evidence {
		had, waited, _ := p.cpu.Used()
		reply.Evidence = &wire.Evidence{OnCPU: had, RunDelay: waited}
	}
	if order := p.order; order != nil {
		if id := order.Say.ID; id != 0 {
			reply.ID = id
		}
		if status := order.Say.Status; status != "" {
			reply.Result = raw(map[string]string{"status": status})
		}
	}
	reply.Timestamp = float64(time.Now().Add(p.clock).UnixNano()) / 1e9
	frame, err := wire.AppendReply(make([]byte, 0, len(reply.Result)+frameRest), *reply)
	if err != nil {
		p.end(worker.Exit{Code: 2})
		return
	}
	if p.noise != nil {
		p.out.write(p.noise)
		p.noise = nil
	}
	if p.order != nil {
		p.says(frame)
		return
	}
	p.last = frame
	if p.head.Command == "shutdown" && !p.has(worker.Stays) {
		p.out.add(item{bytes: frame}, func() { p.end(worker.Exit{}) })
		return
	}
	p.out.put(frame)
	switch f := &p.profile; {
	case p.head.ID == 0 && f.TwoHellos:
		p.out.put(frame)
	case p.head.ID != 0 && p.calls == f.TwiceAt:
		p.do(Demand{Wait: f.TwiceAfter}, func() { p.out.put(frame) })
	}
}

// frameRest is about how many bytes a reply has beside its result.
const frameRest = 160

var statusOK = json.RawMessage(`{"status":"ok","capabilities":["evidence"]}`)

func (p *Port) hello() {
	p.reply.ID = p.profile.HelloID
	p.reply.Result = statusOK
	if p.profile.Hello != nil {
		p.reply.Result = raw(p.profile.Hello)
	}
}

// call serves one call, in which it may have been ordered to hurt itself.
func (p *Port) call() {
	p.calls++
	n := p.calls
	if n == p.profile.DieAtCall {
		p.dies(worker.Exit{Code: 1})
		return
	}
	if deaf := p.profile.DeafAt; deaf > 0 && n >= deaf {
		p.busy = true
		return
	}
	if p.obeys() {
		return
	}
	asked, known := p.serve(&p.head, &p.reply)
	fate := Fate{Demand: asked}
	if p.launcher.Fate != nil {
		fate = p.launcher.Fate(Call{ID: p.head.Text("call_id"), Command: p.head.Command, Asked: asked})
		fate.alter(&p.reply, known)
	}
	if n == p.profile.WrongIDAt {
		p.reply.ID++
	}
	dies := fate.Dies
	if p.more != (Demand{}) {
		fate.CPU, fate.Wait = fate.CPU+p.more.CPU, fate.Wait+p.more.Wait
		p.burdened++
	}
	p.do(fate.Demand, func() {
		exit, ends := exitOf(p.order)
		switch {
		case ends && !p.order.Replied: // the call was over sooner: it is not answered either
			p.end(exit)
		case dies != nil:
			p.end(*dies)
		case p.tooLarge():
			p.end(outOfMemory)
		case p.swallows():
		default:
			p.answer()
		}
	})
}

// unread answers what is no request, as the Python worker does: of one without an id, or
// that is no JSON, under 0.
func (p *Port) unread(err error) {
	p.calls++
	of := &wire.MessageError{ID: -1}
	why := err.Error()
	switch errors.As(err, &of); {
	case errors.Is(err, wire.ErrMissing) && of.Field == "id":
		why = "the request has no id"
	case errors.Is(err, wire.ErrMalformed), errors.Is(err, wire.ErrNotUTF8):
		why = "the frame is no JSON in UTF-8: " + why
	}
	if of.ID < 0 {
		why += "; answered as id 0"
	}
	p.head, p.order = wire.Head{ID: -1}, nil
	p.reply = wire.Reply{ID: max(of.ID, 0), Error: wire.RequestError + ": " + why, ErrorType: wire.RequestError}
	p.do(Demand{}, func() {
		if !p.swallows() {
			p.answer()
		}
	})
}

// Commands are those that a worker has; of call it knows the Functions alone.
var Commands = []string{"ping", "echo", "sleep", "burn", "alloc", "put", "get", "list", "create_program", "call", "get_stats", "cleanup_session", "reset_state", "shutdown"}

// Knows says whether a worker has a command.
func Knows(command string) bool { return slices.Contains(Commands, command) }

// serve says what a command asks for, and how it is answered once it has had
// that; known says whether the model has it at all, and of call the function.
func (p *Port) serve(r *wire.Head, reply *wire.Reply) (asked Demand, known bool) {
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
		reply.Result = fmt.Appendf(nil, `{"status":"shutting_down","worker_id":%q}`, p.ID)
	case "call":
		return asked, p.function(r, reply)
	case "get_stats":
		reply.Result = fmt.Appendf(nil, `{"worker_id":%q,"command_count":%d}`, p.ID, p.calls)
	default:
		result, err := p.keep(r)
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
