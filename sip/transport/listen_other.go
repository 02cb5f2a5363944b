//go:build !linux

package transport

func listen(c Config) (*Group, error) { return listenPortable(c) }
