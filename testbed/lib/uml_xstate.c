/*
 * Lets user-mode-linux 6.1 run on processors whose floating-point state is larger than it knows (AMX: 11008 bytes, UML's
 * buffer holds 2696). Reading such a register set gives as much as fits; writing one back must be whole, or the host
 * says EFAULT and UML panics at its first process. Preloaded into linux.uml, this completes what is written with the
 * initial state of the components UML does not know; its processes do not use them, since they could not keep them.
 */
#include <elf.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef __x86_64__
#include <cpuid.h>

#define XSTATE_BV_AT 512        /* Intel SDM volume 1, 13.4.2: XSAVE header */
#define COMPONENTS 63

/* Bytes of the state the kernel uses (CPUID leaf 0DH), and which components lie in the first `have` of them. */
static size_t state_size(void)
{
	unsigned a, b, c, d;

	return __get_cpuid_count(0xd, 0, &a, &b, &c, &d) ? b : 0;
}

static uint64_t components_within(size_t have)
{
	uint64_t within = 3;    /* x87 and SSE: the legacy area */
	unsigned a, b, c, d;

	for (unsigned i = 2; i < COMPONENTS; i++)
		if (__get_cpuid_count(0xd, i, &a, &b, &c, &d) && a && a + b <= have)
			within |= UINT64_C(1) << i;
	return within;
}

static long set_whole(pid_t pid, const struct iovec *part)
{
	static uint8_t whole[65536] __attribute__((aligned(64)));
	static size_t size, known;
	static uint64_t within;
	uint64_t bv;

	if (known != part->iov_len) {
		size = state_size();
		within = components_within(part->iov_len);
		known = part->iov_len;
	}
	if (size <= part->iov_len || size > sizeof(whole) || part->iov_len < XSTATE_BV_AT + sizeof(bv))
		return syscall(SYS_ptrace, PTRACE_SETREGSET, pid, NT_X86_XSTATE, part);
	memcpy(whole, part->iov_base, part->iov_len);
	memcpy(&bv, whole + XSTATE_BV_AT, sizeof(bv));
	bv &= within;
	memcpy(whole + XSTATE_BV_AT, &bv, sizeof(bv));
	return syscall(SYS_ptrace, PTRACE_SETREGSET, pid, NT_X86_XSTATE, &(struct iovec){ whole, size });
}
#endif

long ptrace(enum __ptrace_request request, ...)
{
	va_list args;
	pid_t pid;
	void *addr, *data;
	long peeked, r;

	va_start(args, request);
	pid = va_arg(args, pid_t);
	addr = va_arg(args, void *);
	data = va_arg(args, void *);
	va_end(args);
#ifdef __x86_64__
	if (request == PTRACE_SETREGSET && (uintptr_t)addr == NT_X86_XSTATE)
		return set_whole(pid, data);
#endif
	if (request < PTRACE_PEEKTEXT || request > PTRACE_PEEKUSER)
		return syscall(SYS_ptrace, request, pid, addr, data);
	r = syscall(SYS_ptrace, request, pid, addr, &peeked);
	return r < 0 ? r : peeked;
}
