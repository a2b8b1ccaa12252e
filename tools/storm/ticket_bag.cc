// Writing, checking and reading ticket bags.
#include "tools/storm/ticket_bag.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "crypto/base/secret.h"
#include "ike/payload.h"

namespace storm {
namespace {

using crypto::ByteReader;
using crypto::Bytes;
using crypto::ByteWriter;

constexpr std::string_view kMagic = "RSTICKET";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kBagHeaderLen = 64;
constexpr std::size_t kRecordFixedLen = 72;
constexpr std::uint8_t kHasIp4 = 1;
constexpr std::uint8_t kHasIp6 = 2;
constexpr std::size_t kBufferLen = std::size_t{1} << 20;

crypto::Error os_error(const std::string& path, std::string_view doing) {
  return {fmt::format("{}: {}: {}", path, doing, std::strerror(errno))};
}

std::size_t record_len(const Credential& c) {
  const std::size_t len =
      kRecordFixedLen + c.sk_d.size() + c.id_i.size() + c.id_r.size() + c.ticket.size();
  return (len + 7) / 8 * 8;
}

// Null when the record is one that can be resumed.
const char* objection(const Credential& c) {
  if (!ike::is_supported(c.suite)) return "the suite is not supported";
  if (c.sk_d.size() != ike::prf_len(c.suite)) return "SK_d has not the length of the PRF";
  ike::IdView id;
  if (ike::parse_id(c.id_i, id) != ike::ParseError::none) return "IDi is empty or too long";
  if (ike::parse_id(c.id_r, id) != ike::ParseError::none) return "IDr is empty or too long";
  if (c.ticket.empty() || c.ticket.size() > ike::kTicketLenMax)
    return "the ticket is empty or too long";
  return nullptr;
}

void write_record(const Credential& c, std::size_t len, ByteWriter& writer) {
  writer.be32(static_cast<std::uint32_t>(len));
  writer.be16(std::to_underlying(c.suite.encr));
  writer.be16(c.suite.key_bits);
  writer.be16(std::to_underlying(c.suite.prf));
  writer.be16(std::to_underlying(c.suite.integ));
  writer.be16(std::to_underlying(c.suite.ke));
  writer.u8(static_cast<std::uint8_t>(c.sk_d.size()));
  writer.u8(static_cast<std::uint8_t>((c.has_ip4 ? kHasIp4 : 0) | (c.has_ip6 ? kHasIp6 : 0)));
  writer.be64(c.spi_i.value());
  writer.be64(c.spi_r.value());
  writer.be64(c.expires_s);
  writer.bytes(c.ip4);
  writer.be16(static_cast<std::uint16_t>(c.id_i.size()));
  writer.be16(static_cast<std::uint16_t>(c.id_r.size()));
  writer.bytes(c.ip6);
  writer.be16(static_cast<std::uint16_t>(c.ticket.size()));
  writer.zeros(6);
  writer.bytes(c.sk_d);
  writer.bytes(c.id_i);
  writer.bytes(c.id_r);
  writer.bytes(c.ticket);
  writer.zeros(len - writer.size());
}

// Reads a record whose box is right; false when its parts do not fit into the box.
bool read_record(Bytes record, Credential& c) {
  ByteReader r(record);
  std::uint32_t len = 0;
  std::uint16_t encr = 0, prf = 0, integ = 0, ke = 0, id_i_len = 0, id_r_len = 0, ticket_len = 0;
  std::uint8_t sk_d_len = 0, flags = 0;
  std::uint64_t spi_i = 0, spi_r = 0;
  Bytes ip4, ip6;
  const bool fixed = r.be32(len) && r.be16(encr) && r.be16(c.suite.key_bits) && r.be16(prf) &&
                     r.be16(integ) && r.be16(ke) && r.u8(sk_d_len) && r.u8(flags) &&
                     r.be64(spi_i) && r.be64(spi_r) && r.be64(c.expires_s) && r.take(4, ip4) &&
                     r.be16(id_i_len) && r.be16(id_r_len) && r.take(16, ip6) &&
                     r.be16(ticket_len) && r.skip(6);
  if (!fixed || (flags & ~(kHasIp4 | kHasIp6)) != 0) return false;
  c.suite.encr = static_cast<ike::EncrId>(encr);
  c.suite.prf = static_cast<ike::PrfId>(prf);
  c.suite.integ = static_cast<ike::IntegId>(integ);
  c.suite.ke = static_cast<ike::KeId>(ke);
  c.spi_i = ike::IkeSpi(spi_i);
  c.spi_r = ike::IkeSpi(spi_r);
  c.has_ip4 = (flags & kHasIp4) != 0;
  c.has_ip6 = (flags & kHasIp6) != 0;
  std::memcpy(c.ip4.data(), ip4.data(), c.ip4.size());
  std::memcpy(c.ip6.data(), ip6.data(), c.ip6.size());
  return r.take(sk_d_len, c.sk_d) && r.take(id_i_len, c.id_i) && r.take(id_r_len, c.id_r) &&
         r.take(ticket_len, c.ticket) && r.remaining() < 8;
}

}  // namespace

TicketBagWriter::TicketBagWriter(std::string path, std::string temporary, std::FILE* file)
    : path_(std::move(path)), temporary_(std::move(temporary)), file_(file), buffer_(kBufferLen) {
  std::setvbuf(file, nullptr, _IOFBF, kBufferLen);
}

TicketBagWriter::TicketBagWriter(TicketBagWriter&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      file_(std::move(other.file_)),
      buffer_(std::move(other.buffer_)),
      count_(other.count_),
      length_(other.length_) {}

TicketBagWriter::~TicketBagWriter() {
  if (!buffer_.empty()) crypto::secure_zero(buffer_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

crypto::Result<TicketBagWriter> TicketBagWriter::create(const std::string& path) {
  std::string temporary = fmt::format("{}.{}.tmp", path, getpid());
  const int fd = ::open(temporary.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return std::unexpected(os_error(temporary, "cannot be created"));
  std::FILE* file = fdopen(fd, "wb");
  CHECK(file != nullptr);
  TicketBagWriter writer(path, std::move(temporary), file);
  const std::array<std::uint8_t, kBagHeaderLen> room{};
  if (const crypto::Status s = writer.write(room); !s) return std::unexpected(s.error());
  return writer;
}

crypto::Status TicketBagWriter::write(Bytes octets) {
  if (std::fwrite(octets.data(), 1, octets.size(), file_.get()) != octets.size())
    return std::unexpected(os_error(temporary_, "cannot be written"));
  length_ += octets.size();
  return {};
}

crypto::Status TicketBagWriter::add(const Credential& credential) {
  if (const char* why = objection(credential))
    return crypto::fail(fmt::format("{}: record {} not added: {}", path_, count_, why));
  if (count_ == kBagClientsMax)
    return crypto::fail(fmt::format("{}: more than {} records", path_, kBagClientsMax));
  const std::size_t len = record_len(credential);
  ByteWriter writer({buffer_.data(), len});
  write_record(credential, len, writer);
  CHECK(writer.ok());
  ++count_;
  return write(writer.written());
}

crypto::Status TicketBagWriter::commit(std::uint64_t now_s) {
  std::array<std::uint8_t, kBagHeaderLen> header{};
  std::memcpy(header.data(), kMagic.data(), kMagic.size());
  crypto::store_be32(header.data() + 8, kVersion);
  crypto::store_be64(header.data() + 16, count_);
  crypto::store_be64(header.data() + 24, length_);
  crypto::store_be64(header.data() + 32, now_s);
  if (std::fseek(file_.get(), 0, SEEK_SET) != 0)
    return std::unexpected(os_error(temporary_, "cannot seek"));
  if (const crypto::Status s = write(header); !s) return s;
  if (std::fflush(file_.get()) != 0 || fsync(fileno(file_.get())) != 0)
    return std::unexpected(os_error(temporary_, "cannot be written"));
  if (rename(temporary_.c_str(), path_.c_str()) != 0)
    return std::unexpected(os_error(path_, "cannot be put in place"));
  temporary_.clear();
  return {};
}

crypto::Result<TicketBag> TicketBag::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::unexpected(os_error(path, "cannot be opened"));
  struct stat status {};
  const int asked = fstat(fd, &status);
  const auto len = static_cast<std::size_t>(status.st_size);
  const char* why = nullptr;
  if (asked != 0 || !S_ISREG(status.st_mode)) {
    why = "not a regular file";
  } else if ((status.st_mode & 077) != 0) {
    why = "holds secrets but group or others may use it; chmod 0600";
  } else if (len < kBagHeaderLen) {
    why = "shorter than the header of a ticket bag";
  }
  if (why != nullptr) {
    close(fd);
    return crypto::fail(fmt::format("{}: {}", path, why));
  }
  void* mapped = mmap(nullptr, len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
  close(fd);
  if (mapped == MAP_FAILED) return std::unexpected(os_error(path, "cannot be mapped"));
  TicketBag bag;
  bag.base_ = static_cast<const std::uint8_t*>(mapped);
  bag.len_ = len;
  madvise(mapped, len, MADV_DONTDUMP);
  if (const crypto::Status s = bag.check(path); !s) return std::unexpected(s.error());
  return bag;
}

crypto::Status TicketBag::check(const std::string& path) {
  if (std::string_view(static_cast<const char*>(static_cast<const void*>(base_)), 8) != kMagic)
    return crypto::fail(fmt::format("{}: not a ticket bag", path));
  if (const std::uint32_t version = crypto::load_be32(base_ + 8); version != kVersion)
    return crypto::fail(
        fmt::format("{}: ticket bag of version {}, expected {}", path, version, kVersion));
  const std::uint64_t count = crypto::load_be64(base_ + 16);
  const std::uint64_t length = crypto::load_be64(base_ + 24);
  if (length != len_)
    return crypto::fail(fmt::format("{}: {} octets long, its header says {}", path, len_, length));
  if (count == 0 || count > kBagClientsMax || count > len_ / kRecordFixedLen)
    return crypto::fail(fmt::format("{}: impossible number of records {}", path, count));
  offsets_.reserve(count);
  std::size_t at = kBagHeaderLen;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::size_t rest = len_ - at;
    const std::size_t len = rest >= kRecordFixedLen ? crypto::load_be32(base_ + at) : 0;
    if (len < kRecordFixedLen || len % 8 != 0 || len > rest)
      return crypto::fail(fmt::format("{}: record {} at {}: wrong record length", path, i, at));
    Credential c;
    const char* why = "its parts do not fit the record";
    if (read_record({base_ + at, len}, c)) why = objection(c);
    if (why != nullptr)
      return crypto::fail(fmt::format("{}: record {} at {}: {}", path, i, at, why));
    offsets_.push_back(at);
    at += len;
  }
  if (at != len_)
    return crypto::fail(fmt::format("{}: {} octets behind the last record", path, len_ - at));
  return {};
}

TicketBag::~TicketBag() {
  if (base_ != nullptr) munmap(const_cast<std::uint8_t*>(base_), len_);
}

TicketBag::TicketBag(TicketBag&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      len_(std::exchange(other.len_, 0)),
      offsets_(std::move(other.offsets_)) {}

TicketBag& TicketBag::operator=(TicketBag&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(len_, other.len_);
  std::swap(offsets_, other.offsets_);
  return *this;
}

Credential TicketBag::at(std::size_t index) const {
  const std::uint8_t* record = base_ + offsets_[index];
  Credential c;
  CHECK(read_record({record, crypto::load_be32(record)}, c));
  return c;
}

void TicketBag::prefetch(std::size_t index) const {
  const std::uint8_t* record = base_ + offsets_[index];
  for (std::size_t line = 0; line < 7 * 64; line += 64) __builtin_prefetch(record + line);
}

}  // namespace storm
