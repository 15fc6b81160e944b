// Package ci holds what CI and the lab are held to alike: the contract. What it
// means belongs to harness/scenario.
package ci

import _ "embed"

// Contract is contract.yaml.
//
//go:embed contract.yaml
var Contract []byte
