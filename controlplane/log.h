// The log of the control thread: one line per event, to standard error or a file. Workers never
// log.
#pragma once

#include <spdlog/logger.h>

#include <memory>

#include "controlplane/config.h"
#include "crypto/base/error.h"

namespace cp {

// "2026-01-31T12:00:00.123 info  text". A file is opened for appending, mode 0640.
crypto::Result<std::shared_ptr<spdlog::logger>> make_log(const LogConfig& config);

}  // namespace cp
