// CtlServer: the control socket, for resurgectl. A Unix stream socket that takes one line of JSON
// at a time (ctl_request.h) and answers with lines of JSON (ctl_reply.h).
//
// Who may connect is what the mode and the group of the socket say. Nothing here waits: the loop
// polls fd() and calls serve(); a long list is read page by page as its reader takes it, and a
// reader that takes nothing is sent away. Control thread only.
#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/config.h"
#include "controlplane/ctl_request.h"
#include "controlplane/ctl_verbs.h"

namespace cp {

inline constexpr std::size_t kCtlClientsMax = 16;
inline constexpr std::size_t kCtlBacklogMax = 256 * 1024;  // octets that a reader has not taken
inline constexpr std::uint64_t kCtlIdleMaxMs = 60'000;     // without a request, without reading

class CtlServer {
 public:
  // Binds the socket of `config`, taking the place of one that nobody listens on any more. Errors
  // name the path: another process listens, no such group, no such folder.
  static crypto::Result<std::unique_ptr<CtlServer>> open(const ControlConfig& config,
                                                         CtlVerbs& verbs, spdlog::logger& log);
  ~CtlServer();  // closes, and removes the socket
  CtlServer(const CtlServer&) = delete;
  CtlServer& operator=(const CtlServer&) = delete;

  // Readable when serve() has something to do; the same for its lifetime.
  int fd() const { return epoll_; }
  void serve(std::uint64_t now_ms);
  // Goes on with answers that wait for workers; called in every round.
  void go_on(std::uint64_t now_ms);

  // A line of the log, for clients that follow it. Those who are too slow miss lines.
  void on_log(std::uint64_t unix_ms, std::string_view level, std::string_view text);

  std::size_t client_count() const { return clients_.size(); }

 private:
  struct Client;

  CtlServer(std::string path, CtlVerbs& verbs, spdlog::logger& log);
  crypto::Status bind(const ControlConfig& config);
  void accept_clients(std::uint64_t now_ms);
  void advance(Client& client, std::uint64_t now_ms);
  void read_from(Client& client, std::uint64_t now_ms);
  void write_to(Client& client, std::uint64_t now_ms);
  void answer_lines(Client& client);
  void answer(Client& client, std::string_view line);
  void obey(Client& client, const CtlRequest& request);
  void list_page(Client& client);
  void tell_ending(Client& client);
  void send_away(std::uint64_t now_ms);
  void watch(Client& client);

  std::string path_;
  CtlVerbs& verbs_;
  spdlog::logger& log_;
  int epoll_ = -1;
  int listener_ = -1;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace cp
