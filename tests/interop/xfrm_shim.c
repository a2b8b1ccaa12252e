// xfrm_shim: lets libreswan's pluto work on a kernel that has NETLINK_XFRM but no ESP.
//
// Preloaded into pluto (LD_PRELOAD). pluto talks to the kernel with write() and recvfrom() on one
// NETLINK_XFRM socket, one answer for each question. NEWSA, UPDSA and DELSA never reach the kernel:
// they are acknowledged here, and written as hex to the file $XFRM_SHIM_LOG (one line each: the word,
// then the message without its netlink header), from which esp_tun.py does the ESP. GETSA is
// answered from what was stored; policies are acknowledged, because esp_tun.py routes instead.
// ALLOCSPI goes to the real kernel. Errors: an SA more than kSas is refused with ENOMEM.
// pluto's main thread only. Origin: the peers' notes of this project (libreswan 5.2, Debian 13).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kSas = 1024, kMessageOctets = 4096, kEsp = 50 };

struct sa {
  uint32_t spi;
  xfrm_address_t daddr;
  size_t size;  // 0: free
  uint8_t message[kMessageOctets];
};

static struct sa sas[kSas];
static int answer_fd = -1;
static size_t answer_size;
static uint8_t answer[kMessageOctets];

static int is_xfrm(int fd) {
  int domain = 0, protocol = 0;
  socklen_t size = sizeof domain;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_NETLINK) return 0;
  size = sizeof protocol;
  if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) != 0) return 0;
  return protocol == NETLINK_XFRM;
}

static void acknowledge(int fd, const struct nlmsghdr* question, int error) {
  struct {
    struct nlmsghdr header;
    struct nlmsgerr body;
  } reply;
  memset(&reply, 0, sizeof reply);
  reply.header.nlmsg_len = sizeof reply;
  reply.header.nlmsg_type = NLMSG_ERROR;
  reply.header.nlmsg_seq = question->nlmsg_seq;
  reply.body.error = error;
  reply.body.msg = *question;
  memcpy(answer, &reply, sizeof reply);
  answer_size = sizeof reply;
  answer_fd = fd;
}

static struct sa* find(uint32_t spi, const xfrm_address_t* daddr) {
  for (int i = 0; i < kSas; i++) {
    const int same = sas[i].spi == spi && memcmp(&sas[i].daddr, daddr, sizeof *daddr) == 0;
    if (sas[i].size != 0 && same) return &sas[i];
  }
  return NULL;
}

static struct sa* find_free(void) {
  for (int i = 0; i < kSas; i++) {
    if (sas[i].size == 0) return &sas[i];
  }
  return NULL;
}

static void tell(const char* word, const uint8_t* body, size_t size) {
  const char* path = getenv("XFRM_SHIM_LOG");
  FILE* out = path ? fopen(path, "a") : NULL;
  if (!out) return;
  fprintf(out, "%s ", word);
  for (size_t i = 0; i < size; i++) fprintf(out, "%02x", body[i]);
  fputc('\n', out);
  fclose(out);
}

// Each of these returns 1 when it took the message, 0 when the kernel should have it.
static int store(int fd, const struct nlmsghdr* h, const uint8_t* body) {
  const struct xfrm_usersa_info* info = (const void*)body;
  if (info->id.proto != kEsp) return 0;
  struct sa* sa = find(info->id.spi, &info->id.daddr);
  if (!sa) sa = find_free();
  if (!sa || h->nlmsg_len > kMessageOctets) {
    acknowledge(fd, h, -ENOMEM);
    return 1;
  }
  sa->spi = info->id.spi;
  sa->daddr = info->id.daddr;
  sa->size = h->nlmsg_len;
  memcpy(sa->message, h, h->nlmsg_len);
  tell(h->nlmsg_type == XFRM_MSG_NEWSA ? "NEWSA" : "UPDSA", body, h->nlmsg_len - NLMSG_HDRLEN);
  acknowledge(fd, h, 0);
  return 1;
}

static int erase(int fd, const struct nlmsghdr* h, const uint8_t* body) {
  const struct xfrm_usersa_id* id = (const void*)body;
  struct sa* sa = id->proto == kEsp ? find(id->spi, &id->daddr) : NULL;
  if (!sa) return 0;  // what ALLOCSPI reserved is the kernel's
  memset(sa, 0, sizeof *sa);
  tell("DELSA", body, h->nlmsg_len - NLMSG_HDRLEN);
  acknowledge(fd, h, 0);
  return 1;
}

static int look_up(int fd, const struct nlmsghdr* h, const uint8_t* body) {
  const struct xfrm_usersa_id* id = (const void*)body;
  const struct sa* sa = id->proto == kEsp ? find(id->spi, &id->daddr) : NULL;
  if (!sa) return 0;
  memcpy(answer, sa->message, sa->size);
  struct nlmsghdr* reply = (void*)answer;
  reply->nlmsg_type = XFRM_MSG_NEWSA;
  reply->nlmsg_seq = h->nlmsg_seq;
  reply->nlmsg_flags = 0;
  answer_size = sa->size;
  answer_fd = fd;
  return 1;
}

static int take(int fd, const struct nlmsghdr* h) {
  const uint8_t* body = (const uint8_t*)h + NLMSG_HDRLEN;
  switch (h->nlmsg_type) {
    case XFRM_MSG_NEWSA:
    case XFRM_MSG_UPDSA:
      return store(fd, h, body);
    case XFRM_MSG_DELSA:
      return erase(fd, h, body);
    case XFRM_MSG_GETSA:
      return look_up(fd, h, body);
    case XFRM_MSG_NEWPOLICY:
    case XFRM_MSG_UPDPOLICY:
    case XFRM_MSG_DELPOLICY:
      acknowledge(fd, h, 0);
      return 1;
    default:
      return 0;
  }
}

ssize_t write(int fd, const void* octets, size_t size) {
  static ssize_t (*real)(int, const void*, size_t);
  if (!real) real = (ssize_t(*)(int, const void*, size_t))dlsym(RTLD_NEXT, "write");
  const struct nlmsghdr* h = octets;
  if (size > NLMSG_HDRLEN && h->nlmsg_len == size && is_xfrm(fd) && take(fd, h)) {
    return (ssize_t)size;
  }
  return real(fd, octets, size);
}

ssize_t recvfrom(int fd, void* octets, size_t size, int flags, struct sockaddr* from,
                 socklen_t* from_size) {
  typedef ssize_t (*recvfrom_type)(int, void*, size_t, int, struct sockaddr*, socklen_t*);
  static recvfrom_type real;
  if (!real) real = (recvfrom_type)dlsym(RTLD_NEXT, "recvfrom");
  if (fd != answer_fd || answer_size == 0) return real(fd, octets, size, flags, from, from_size);
  const size_t taken = answer_size < size ? answer_size : size;
  memcpy(octets, answer, taken);
  answer_size = 0;
  answer_fd = -1;
  if (from && from_size && *from_size >= sizeof(struct sockaddr_nl)) {
    memset(from, 0, sizeof(struct sockaddr_nl));
    from->sa_family = AF_NETLINK;
    *from_size = sizeof(struct sockaddr_nl);
  }
  return (ssize_t)taken;
}

// What _FORTIFY_SOURCE makes of recvfrom().
ssize_t __recvfrom_chk(int fd, void* octets, size_t size, size_t room, int flags,
                       struct sockaddr* from, socklen_t* from_size) {
  return recvfrom(fd, octets, size < room ? size : room, flags, from, from_size);
}
