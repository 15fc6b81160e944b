package scenario

// Lot is a number drawn for the nth visit of somebody to a place.
func Lot(seed uint64, who, at string, nth int) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(who) {
		h = (h ^ uint64(who[i])) * 1099511628211
	}
	h = (h ^ 0xff) * 1099511628211
	for i := range len(at) {
		h = (h ^ uint64(at[i])) * 1099511628211
	}
	h += seed*0x9e3779b97f4a7c15 + uint64(nth)*0xd1b54a32d192ed03
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9 // SplitMix64
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
