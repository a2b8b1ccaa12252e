// The classic pcap format, in the machine's byte order as readers expect.
#include "tools/storm/pcap_writer.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace storm {
namespace {

constexpr std::uint32_t kNanosecondMagic = 0xa1b23c4d;
constexpr std::uint32_t kVersion = 2 | 4u << 16;  // 2.4
constexpr std::uint32_t kSnapLen = 65535;
constexpr std::uint32_t kEthernet = 1;
constexpr std::uint64_t kSecondNs = 1'000'000'000;

}  // namespace

crypto::Result<PcapWriter> PcapWriter::create(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr)
    return crypto::fail(fmt::format("{}: cannot be created: {}", path, std::strerror(errno)));
  std::setvbuf(file, nullptr, _IOFBF, std::size_t{1} << 20);
  const std::array<std::uint32_t, 6> header = {kNanosecondMagic, kVersion, 0, 0,
                                               kSnapLen,         kEthernet};
  std::fwrite(header.data(), sizeof header, 1, file);
  return PcapWriter(path, file);
}

void PcapWriter::write(crypto::Bytes frame, std::uint64_t unix_ns) {
  const auto len = static_cast<std::uint32_t>(frame.size());
  const std::array<std::uint32_t, 4> record = {static_cast<std::uint32_t>(unix_ns / kSecondNs),
                                               static_cast<std::uint32_t>(unix_ns % kSecondNs), len,
                                               len};
  std::fwrite(record.data(), sizeof record, 1, file_.get());
  std::fwrite(frame.data(), 1, frame.size(), file_.get());
  ++frames_;
}

crypto::Status PcapWriter::close() {
  const bool wrote = std::ferror(file_.get()) == 0 && std::fflush(file_.get()) == 0;
  if (!wrote)
    return crypto::fail(fmt::format("{}: not written to the end: {}", path_, std::strerror(errno)));
  file_.reset();
  return {};
}

}  // namespace storm
