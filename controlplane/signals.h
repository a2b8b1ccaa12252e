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

  // Readable when a signal has come.
  int fd() const { return fd_; }
  // What has come; timeout when nothing did.
  Wake take();

 private:
  explicit Signals(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace cp
