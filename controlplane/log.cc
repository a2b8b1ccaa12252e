// Makes the log.
#include "controlplane/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace cp {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

crypto::Result<std::shared_ptr<spdlog::logger>> make_log(const LogConfig& config) {
  // spdlog reports by exceptions; none leaves this function.
  try {
    spdlog::sink_ptr sink;
    if (config.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      // Made here, so that its mode does not depend on the umask of whoever starts us.
      const int fd = ::open(config.file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
      if (fd < 0)
        return crypto::fail(
            fmt::format("cannot open the log {}: {}", config.file, std::strerror(errno)));
      ::close(fd);
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(config.file);
    }
    auto log = std::make_shared<spdlog::logger>("resurged", std::move(sink));
    log->set_level(level_of(config.level));
    log->set_pattern("%Y-%m-%dT%H:%M:%S.%e %-7l %v");
    log->flush_on(spdlog::level::info);
    return log;
  } catch (const spdlog::spdlog_ex& error) {
    return crypto::fail(fmt::format("cannot open the log: {}", error.what()));
  }
}

}  // namespace cp
