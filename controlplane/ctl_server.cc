// Serves the clients of the control socket.
#include "controlplane/ctl_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "controlplane/ctl_reply.h"

namespace cp {

struct CtlServer::Client {
  Client(int socket, unsigned user) : fd(socket), uid(user) {}
  ~Client() { ::close(fd); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  std::size_t backlog() const { return out.size() - sent; }
  bool is_busy() const { return listing != nullptr || ending != nullptr || backlog() != 0; }
  // Nothing can be told before a worker has answered.
  bool waits() const {
    return backlog() == 0 &&
           ((listing != nullptr && listing->waits()) || (ending != nullptr && !ending->is_over));
  }
  bool has_line() const { return in.find('\n') != std::string::npos; }
  void say(std::string_view text) { out.append(text); }

  int fd;
  unsigned uid;
  std::string in;
  std::string out;
  std::size_t sent = 0;  // of `out`
  std::uint64_t active_ms = 0;
  bool done = false;   // is sent away
  bool ended = false;  // it will send nothing more
  std::unique_ptr<CtlListing> listing;
  std::uint64_t rows = 0;  // of the list
  std::shared_ptr<const CtlEnding> ending;
  bool follows = false;
  std::uint64_t missed = 0;  // lines of the log
  std::uint32_t events = EPOLLIN;
};

namespace {

constexpr std::size_t kReadLen = 4096;
constexpr int kListenBacklog = 8;

crypto::Status failed(const std::string& path, const char* what) {
  return crypto::fail(fmt::format("control socket {}: {}: {}", path, what, std::strerror(errno)));
}

crypto::Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return crypto::fail(fmt::format("control socket {}: the name is longer than {} octets", path,
                                    sizeof address.sun_path - 1));
  std::ranges::copy(path, address.sun_path);
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return static_cast<const sockaddr*>(static_cast<const void*>(&address));
}

// A socket that a killed gateway left behind is removed; one that somebody listens on is not.
crypto::Status make_room(const std::string& path, const sockaddr_un& address) {
  struct stat about {};
  if (::lstat(path.c_str(), &about) != 0) return {};
  if (!S_ISSOCK(about.st_mode))
    return crypto::fail(fmt::format("control socket {}: something else stands there", path));
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return failed(path, "cannot be made");
  const bool is_free = ::connect(probe, generic(address), sizeof address) != 0 &&
                       (errno == ECONNREFUSED || errno == ENOENT);
  ::close(probe);
  if (!is_free)
    return crypto::fail(fmt::format("control socket {}: another process listens there", path));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed(path, "cannot be replaced");
  return {};
}

crypto::Status give_to(const std::string& path, const ControlConfig& config) {
  if (!config.group.empty()) {
    const group* found = ::getgrnam(config.group.c_str());
    if (found == nullptr)
      return crypto::fail(
          fmt::format("control socket {}: there is no group \"{}\"", path, config.group));
    if (::chown(path.c_str(), static_cast<uid_t>(-1), found->gr_gid) != 0)
      return failed(path, "cannot be given to its group");
  }
  if (::chmod(path.c_str(), config.mode) != 0) return failed(path, "cannot get its mode");
  return {};
}

unsigned user_of(int fd) {
  ucred peer{};
  socklen_t len = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.uid : ~0u;
}

}  // namespace

crypto::Result<std::unique_ptr<CtlServer>> CtlServer::open(const ControlConfig& config,
                                                           CtlVerbs& verbs, spdlog::logger& log) {
  std::unique_ptr<CtlServer> server(new CtlServer(config.socket, verbs, log));
  if (const auto bound = server->bind(config); !bound) return std::unexpected(bound.error());
  return server;
}

CtlServer::CtlServer(std::string path, CtlVerbs& verbs, spdlog::logger& log)
    : path_(std::move(path)), verbs_(verbs), log_(log) {}

CtlServer::~CtlServer() {
  clients_.clear();
  if (epoll_ >= 0) ::close(epoll_);
  if (listener_ < 0) return;
  ::close(listener_);
  ::unlink(path_.c_str());
}

crypto::Status CtlServer::bind(const ControlConfig& config) {
  const auto address = address_of(path_);
  if (!address) return std::unexpected(address.error());
  if (const auto free = make_room(path_, *address); !free) return free;
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return failed(path_, "cannot be watched");
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0) return failed(path_, "cannot be made");
  // Nobody gets in between bind and chmod.
  const mode_t before = ::umask(0177);
  const int bound = ::bind(listener, generic(*address), sizeof *address);
  ::umask(before);
  if (bound != 0) {
    const auto status = failed(path_, "cannot be bound");
    ::close(listener);
    return status;
  }
  listener_ = listener;
  if (const auto given = give_to(path_, config); !given) return given;
  if (::listen(listener_, kListenBacklog) != 0) return failed(path_, "cannot listen");
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event) != 0)
    return failed(path_, "cannot be watched");
  return {};
}

void CtlServer::accept_clients(std::uint64_t now_ms) {
  while (true) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    auto client = std::make_unique<Client>(fd, user_of(fd));
    client->active_ms = now_ms;
    epoll_event event{.events = EPOLLIN, .data = {.ptr = client.get()}};
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) continue;
    if (clients_.size() >= kCtlClientsMax) {
      client->say(ctl_error("too many clients"));
      write_to(*client, now_ms);
      continue;  // and is closed
    }
    clients_.push_back(std::move(client));
  }
}

void CtlServer::serve(std::uint64_t now_ms) {
  std::array<epoll_event, kCtlClientsMax + 1> events;
  const int ready = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 0);
  for (const epoll_event& event :
       std::span(events).first(static_cast<std::size_t>(std::max(ready, 0)))) {
    if (event.data.ptr == nullptr) {
      accept_clients(now_ms);
      continue;
    }
    Client& client = *static_cast<Client*>(event.data.ptr);
    // Nobody is there to hear what it waits for.
    if (client.waits() && (event.events & (EPOLLHUP | EPOLLERR)) != 0)
      client.done = true;
    else
      advance(client, now_ms);
  }
  send_away(now_ms);
}

void CtlServer::go_on(std::uint64_t now_ms) {
  bool moved = false;
  for (const auto& client : clients_) {
    if (client->events != 0 || client->waits()) continue;
    client->active_ms = now_ms;
    advance(*client, now_ms);
    moved = true;
  }
  if (moved) send_away(now_ms);
}

void CtlServer::send_away(std::uint64_t now_ms) {
  std::erase_if(clients_, [&](const std::unique_ptr<Client>& client) {
    const bool waits = client->waits() || (client->follows && client->backlog() == 0);
    if (!client->done && (waits || now_ms - client->active_ms <= kCtlIdleMaxMs)) return false;
    // Said and not left to close(): a copy of the descriptor in a process that somebody forks would
    // keep epoll naming a client that is gone.
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, client->fd, nullptr);
    return true;
  });
}

void CtlServer::advance(Client& client, std::uint64_t now_ms) {
  read_from(client, now_ms);
  // What it asks next waits until it has taken what it asked before.
  answer_lines(client);
  if (client.listing != nullptr && client.backlog() < kCtlBacklogMax / 2) list_page(client);
  if (client.ending != nullptr) tell_ending(client);
  write_to(client, now_ms);
  if (client.ended && !client.is_busy() && !client.follows) client.done = true;
  watch(client);
}

void CtlServer::read_from(Client& client, std::uint64_t now_ms) {
  if (client.is_busy() || client.in.size() > kCtlRequestMax) return;
  std::array<char, kReadLen> octets;
  const ssize_t got = ::recv(client.fd, octets.data(), octets.size(), 0);
  if (got > 0) {
    client.in.append(octets.data(), static_cast<std::size_t>(got));
    client.active_ms = now_ms;
  } else if (got == 0) {
    client.ended = true;
    client.done = client.done || client.follows;
  } else if (errno != EAGAIN && errno != EINTR) {
    client.done = true;
  }
}

void CtlServer::answer_lines(Client& client) {
  while (!client.is_busy() && !client.done) {
    const std::size_t end = client.in.find('\n');
    if (end == std::string::npos) break;
    const std::string line = client.in.substr(0, end);
    client.in.erase(0, end + 1);
    answer(client, line);
  }
  if (client.in.size() <= kCtlRequestMax || client.is_busy()) return;
  client.say(ctl_error("the request is too long"));
  client.in.clear();
  client.ended = true;
}

void CtlServer::answer(Client& client, std::string_view line) {
  client.follows = false;
  const auto request = parse_ctl_request(line);
  if (!request) return client.say(ctl_error(request.error().text));
  if (changes_something(request->verb))
    log_.info("control: {} by uid {}", ctl_verb_name(request->verb), client.uid);
  obey(client, *request);
}

void CtlServer::obey(Client& client, const CtlRequest& request) {
  const auto rows = [&](const auto& list) {
    for (const auto& row : list) client.say(ctl_row(row));
    client.say(ctl_done(list.size()));
  };
  const auto saying = [&](const crypto::Result<std::string>& result) {
    client.say(result ? ctl_done_saying(*result) : ctl_error(result.error().text));
  };
  switch (request.verb) {
    case CtlVerb::list_sas: {
      auto listing = verbs_.list_sas(request.selection, request.limit);
      if (!listing) return client.say(ctl_error(listing.error().text));
      client.listing = std::move(*listing);
      client.rows = 0;
      return;
    }
    case CtlVerb::list_conns:
      return rows(verbs_.connections());
    case CtlVerb::list_pools:
      return rows(verbs_.list_pools());
    case CtlVerb::stats:
      return rows(std::array{verbs_.stats()});
    case CtlVerb::counters:
      return rows(verbs_.counters());
    case CtlVerb::terminate: {
      auto ending = verbs_.terminate(request.selection);
      if (!ending) return client.say(ctl_error(ending.error().text));
      client.ending = std::move(*ending);
      return;
    }
    case CtlVerb::rotate_keys:
      return saying(verbs_.rotate_keys());
    case CtlVerb::revoke:
      return saying(verbs_.revoke(request.revocation));
    case CtlVerb::reload: {
      const CtlReload reload = verbs_.reload();
      return client.say(reload.mistakes.empty() ? ctl_done_reloading(reload)
                                                : ctl_error(reload.mistakes));
    }
    case CtlVerb::log:
      client.follows = true;
      return;
    case CtlVerb::count:
      break;
  }
}

void CtlServer::list_page(Client& client) {
  const std::vector<CtlSa> rows = client.listing->next();
  for (const CtlSa& sa : rows) client.say(ctl_row(sa));
  client.rows += rows.size();
  if (!client.listing->is_over()) return;
  client.say(ctl_done(*client.listing, client.rows));
  client.listing.reset();
}

void CtlServer::tell_ending(Client& client) {
  if (!client.ending->is_over) return;
  client.say(ctl_done(*client.ending));
  client.ending.reset();
}

void CtlServer::write_to(Client& client, std::uint64_t now_ms) {
  while (client.backlog() != 0) {
    const ssize_t put =
        ::send(client.fd, client.out.data() + client.sent, client.backlog(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      client.done = client.done || errno != EAGAIN;
      return;
    }
    client.sent += static_cast<std::size_t>(put);
    client.active_ms = now_ms;
  }
  client.out.clear();
  client.sent = 0;
}

// Waits for it to ask, or while it has something to come for it to take that. Of one that waits for
// a worker only the end is heard.
void CtlServer::watch(Client& client) {
  std::uint32_t events = client.is_busy() || client.has_line() ? EPOLLOUT : EPOLLIN;
  if (client.waits()) events = 0;
  if (events == client.events || client.done) return;
  epoll_event event{.events = events, .data = {.ptr = &client}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, client.fd, &event) != 0) client.done = true;
  client.events = events;
}

void CtlServer::on_log(std::uint64_t unix_ms, std::string_view level, std::string_view text) {
  for (const auto& client : clients_) {
    if (!client->follows) continue;
    if (client->backlog() > kCtlBacklogMax) {
      ++client->missed;
      continue;
    }
    if (client->missed != 0) {
      client->say(ctl_row(CtlLogLine{
          unix_ms, "warning", fmt::format("{} lines were lost: read faster", client->missed)}));
      client->missed = 0;
    }
    client->say(ctl_row(CtlLogLine{unix_ms, level, text}));
    watch(*client);
  }
}

}  // namespace cp
