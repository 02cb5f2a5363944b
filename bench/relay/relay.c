/* The least a program can do between two SIP ends: one socket, one receive and
 * one send per datagram, nothing read of it. What comes from the callee goes to
 * whoever called last from elsewhere; all else goes to the callee.
 *
 *   relay LISTEN-IP LISTEN-PORT CALLEE-IP CALLEE-PORT
 *
 * On SIGTERM it prints how many datagrams went each way. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static volatile sig_atomic_t stop;
static void on_term(int sig) { (void)sig; stop = 1; }

static struct sockaddr_in address(const char *ip, const char *port)
{
	struct sockaddr_in a;
	memset(&a, 0, sizeof a);
	a.sin_family = AF_INET;
	a.sin_port = htons((unsigned short)atoi(port));
	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1) {
		fprintf(stderr, "relay: %s is not an IPv4 address\n", ip);
		exit(2);
	}
	return a;
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: relay LISTEN-IP LISTEN-PORT CALLEE-IP CALLEE-PORT\n");
		return 2;
	}
	struct sockaddr_in self = address(argv[1], argv[2]), callee = address(argv[3], argv[4]), caller = callee;
	struct sigaction term;
	memset(&term, 0, sizeof term);
	term.sa_handler = on_term; /* without SA_RESTART: recvfrom returns */
	sigaction(SIGTERM, &term, NULL);

	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	if (bind(fd, (struct sockaddr *)&self, sizeof self) != 0) {
		perror("relay: bind");
		return 1;
	}
	static char buffer[65536];
	unsigned long down = 0, up = 0;
	while (!stop) {
		struct sockaddr_in from;
		socklen_t length = sizeof from;
		ssize_t n = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &length);
		if (n < 0)
			continue;
		struct sockaddr_in *to = &callee;
		if (from.sin_addr.s_addr == callee.sin_addr.s_addr && from.sin_port == callee.sin_port) {
			to = &caller;
			up++;
		} else {
			caller = from;
			down++;
		}
		sendto(fd, buffer, (size_t)n, 0, (struct sockaddr *)to, sizeof *to);
	}
	printf("down %lu up %lu\n", down, up);
	return 0;
}
