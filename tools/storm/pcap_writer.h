// Pcap writer: frames into a classic pcap file (link type Ethernet, nanosecond stamps), so that
// other generators and analysers can replay and read the traffic. One thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "crypto/base/bytes.h"
#include "crypto/base/error.h"

namespace storm {

class PcapWriter {
 public:
  static crypto::Result<PcapWriter> create(const std::string& path);

  // `unix_ns`: wall-clock time of the frame. A write that fails is told by close().
  void write(crypto::Bytes frame, std::uint64_t unix_ns);
  std::uint64_t frames() const { return frames_; }
  // Error when not everything is in the file.
  crypto::Status close();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  PcapWriter(std::string path, std::FILE* file) : path_(std::move(path)), file_(file) {}

  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::uint64_t frames_ = 0;
};

}  // namespace storm
