package wire

import (
	"reflect"
	"testing"
	"time"
)

func TestAnOrderIsReadBackAndTheRequestStaysTheSame(t *testing.T) {
	request := Request{ID: 3, Command: "echo", Args: map[string]any{"n": 7.5, "fault": "its own"}, Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Evidence: true}
	plain, err := AppendRequest(nil, request)
	if err != nil {
		t.Fatal(err)
	}
	if o := OrderIn(plain); o != nil {
		t.Errorf("without an order there is %+v", o)
	}
	for _, o := range []Order{
		{Exit: 1}, {Exit: 255, After: 300*time.Millisecond + 1}, {Exit: 1, Hold: 1, Replied: true}, {Signal: 11}, {Hang: HeldLock}, {Close: In},
		{Say: Say{ID: 1, Status: "soon", Late: 1, Stderr: 1, Stale: true, Noise: 1, Size: 1, Bit: 1, Cut: 1, Slice: 1, Gap: 1, Again: true, AgainAfter: 1}},
	} {
		frame := o.In(plain)
		if got := OrderIn(frame); got == nil || *got != o {
			t.Errorf("%s: got %+v, want %+v", frame, got, o)
		}
		if got, err := ParseRequest(frame); err != nil || !reflect.DeepEqual(got, request) {
			t.Errorf("%s: got %+v, %v, want %+v", frame, got, err, request)
		}
	}
}

func TestWhatIsNoOrderIsNone(t *testing.T) {
	for _, frame := range []string{``, `{}`, `{"fault":`, `{"fault":7,"id":1}`, `{"fault":{"exit":"one"},"id":1}`, `{"fault":{},"id":1}`, `{"fault":null,"id":1}`, `{"id":1,"fault":{"exit":1}}`} {
		if o := OrderIn([]byte(frame)); o != nil {
			t.Errorf("%s: got %+v", frame, o)
		}
	}
}

func TestAReplyGoesOutAsOrdered(t *testing.T) {
	const reply, before = `{"id":9}`, `{"id":8}`
	frame := string(AppendFrame(nil, []byte(reply)))
	for _, c := range []struct {
		say  Say
		want []Chunk
	}{
		{Say{}, []Chunk{{0, []byte(frame)}}},
		{Say{Late: 5}, []Chunk{{5, []byte(frame)}}},
		{Say{Noise: 15}, []Chunk{{0, []byte("butfor noise\nbu" + frame)}}},
		{Say{Size: 1 << 31}, []Chunk{{0, []byte("\x80\x00\x00\x00" + reply)}}},
		{Say{Bit: 1}, []Chunk{{0, []byte("\x80" + frame[1:])}}},
		{Say{Bit: 40}, []Chunk{{0, []byte(frame[:4] + "z" + frame[5:])}}},
		{Say{Bit: 1000}, []Chunk{{0, []byte(frame)}}},
		{Say{Cut: 6}, []Chunk{{0, []byte(frame[:6])}}},
		{Say{Cut: 100}, []Chunk{{0, []byte(frame)}}},
		{Say{Slice: 5, Gap: 7, Late: 3}, []Chunk{{3, []byte(frame[:5])}, {7, []byte(frame[5:10])}, {7, []byte(frame[10:])}}},
		{Say{Stale: true}, []Chunk{{0, []byte(string(AppendFrame(nil, []byte(before))) + frame)}}},
		{Say{Again: true}, []Chunk{{0, []byte(frame + frame)}}},
		{Say{Again: true, AgainAfter: 4, Cut: 5}, []Chunk{{0, []byte(frame[:5])}, {4, []byte(frame)}}},
	} {
		if got := c.say.Chunks([]byte(reply), []byte(before)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v: got %q, want %q", c.say, got, c.want)
		}
	}
	if got := (Say{Stale: true}).Chunks([]byte(reply), nil); len(got) != 1 || string(got[0].Bytes) != frame {
		t.Errorf("without a reply before it: %q", got)
	}
}
