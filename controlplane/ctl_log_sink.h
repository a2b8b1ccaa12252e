// CtlLogSink: passes the lines of the log on to clients of the control socket that follow it.
#pragma once

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

#include <chrono>
#include <string_view>

#include "controlplane/ctl_server.h"

namespace cp {

// Control thread only, as the logger of the control thread is.
class CtlLogSink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  // Null ends it; the server must live until then.
  void attach(CtlServer* server) { server_ = server; }

 private:
  void sink_it_(const spdlog::details::log_msg& line) override {
    if (server_ == nullptr) return;
    const auto since = line.time.time_since_epoch();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
    const auto level = spdlog::level::to_string_view(line.level);
    server_->on_log(static_cast<std::uint64_t>(ms), {level.data(), level.size()},
                    {line.payload.data(), line.payload.size()});
  }
  void flush_() override {}

  CtlServer* server_ = nullptr;
};

}  // namespace cp
