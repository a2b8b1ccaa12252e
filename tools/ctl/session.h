// Session: one conversation with the control socket of a gateway: a line out, lines back.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "crypto/base/error.h"

namespace ctl {

using Json = nlohmann::ordered_json;

class Session {
 public:
  // Errors say what to do: no gateway, no socket configured, no permission.
  static crypto::Result<Session> open(const std::string& path);
  ~Session();
  Session(Session&& other) noexcept;
  Session& operator=(Session&&) = delete;

  // Sends the request; `on_row` is called for each row until the last line, whose "done" is
  // returned. An error is what the gateway answered, or that it went away.
  crypto::Result<Json> ask(const Json& request, const std::function<void(const Json&)>& on_row);

 private:
  explicit Session(int fd) : fd_(fd) {}
  crypto::Status send(const std::string& line);
  crypto::Result<std::string> next_line();

  int fd_;
  std::string read_;
};

}  // namespace ctl
