//go:build !linux

package transport

func engines() map[string]func(Config) (*Group, error) {
	return map[string]func(Config) (*Group, error){"portable": listenPortable}
}
