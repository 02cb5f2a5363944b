package transport

func listen(c Config) (*Group, error) { return listenEpoll(c) }
