// Signals: INT, TERM and HUP as something to wait for instead of something that interrupts.
//
// block() must run before the process makes threads, which then inherit that nothing interrupts
// them. Control thread only afterwards.
#pragma once

#include "crypto/base/error.h"

namespace cp {

enum class Wake : unsigned char { timeout, stop, reload };

class Signals {
 public:
  static crypto::Result<Signals> block();
  ~Signals();
  Signals(Signals&& other) noexcept;
  Signals& operator=(Signals&&) = delete;

  // Sleeps until a signal comes or `timeout_ms` have passed.
  Wake wait(int timeout_ms);

 private:
  explicit Signals(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace cp
