// Ticket bag: the file of tickets, one for each client, that a load test starts from.
//
// `resurge-keys mint` writes it, resurge-storm maps it and may write a new one with the tickets of
// the sessions that it resumed, so that a next run can resume them again. The file holds SK_d of
// every client: mode 0600, refused when group or others may read it.
//
//   header    0 8 "RSTICKET"   8 4 version = 1   12 4 zero   16 8 records   24 8 file length
//            32 8 written at, Unix s             40 24 zero
//   record    0 4 record length (a multiple of 8, this field included)
//             4 2 ENCR  6 2 key bits  8 2 PRF  10 2 INTEG  12 2 KE
//            14 1 SK_d length         15 1 flags: 1 IPv4 lease, 2 IPv6 lease
//            16 8 SPIi of the old SA  24 8 SPIr of the old SA      32 8 ticket expires, Unix s
//            40 4 IPv4 lease          44 2 IDi length              46 2 IDr length
//            48 16 IPv6 lease         64 2 ticket length           66 6 zero
//            72 . SK_d | IDi body | IDr body | ticket | zeroes up to the record length
//
// All integers are big-endian. Errors name the file, the record and what is wrong with it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "crypto/base/bytes.h"
#include "crypto/base/error.h"
#include "ike/config_payload.h"
#include "ike/ids.h"
#include "ike/suite.h"

namespace storm {

// What a client must have kept to resume (RFC 5723 §4.2). Views into the bag, or into the memory of
// whoever adds a record.
struct Credential {
  ike::Suite suite;
  ike::IkeSpi spi_i;  // of the old SA
  ike::IkeSpi spi_r;
  std::uint64_t expires_s = 0;
  bool has_ip4 = false;
  bool has_ip6 = false;
  ike::Ip4 ip4{};
  ike::Ip6 ip6{};
  crypto::Bytes sk_d;  // prf_len(suite) octets
  crypto::Bytes id_i;  // bodies: type | reserved | data
  crypto::Bytes id_r;
  crypto::Bytes ticket;
};

inline constexpr std::size_t kBagClientsMax = std::size_t{1} << 24;

// Writes a bag record by record. The file stands under its name only after commit(); a writer that
// goes away before leaves nothing behind. One thread.
class TicketBagWriter {
 public:
  static crypto::Result<TicketBagWriter> create(const std::string& path);
  ~TicketBagWriter();
  TicketBagWriter(TicketBagWriter&& other) noexcept;
  TicketBagWriter& operator=(TicketBagWriter&&) = delete;

  // Refuses a record that a reader would refuse.
  crypto::Status add(const Credential& credential);
  std::size_t count() const { return count_; }
  // Writes the header, syncs and renames. Nothing can be added afterwards.
  crypto::Status commit(std::uint64_t now_s);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  TicketBagWriter(std::string path, std::string temporary, std::FILE* file);
  crypto::Status write(crypto::Bytes octets);

  std::string path_, temporary_;
  std::unique_ptr<std::FILE, Close> file_;
  std::vector<std::uint8_t> buffer_;
  std::size_t count_ = 0;
  std::uint64_t length_ = 0;
};

// A bag for reading: the file mapped, every record checked at open(). Any thread.
class TicketBag {
 public:
  static crypto::Result<TicketBag> open(const std::string& path);
  ~TicketBag();
  TicketBag(TicketBag&& other) noexcept;
  TicketBag& operator=(TicketBag&& other) noexcept;

  std::size_t count() const { return offsets_.size(); }
  // index < count(). The views live as long as the bag.
  Credential at(std::size_t index) const;
  // Asks for the record's first lines, so that at() will not wait for memory.
  void prefetch(std::size_t index) const;

 private:
  TicketBag() = default;
  crypto::Status check(const std::string& path);

  const std::uint8_t* base_ = nullptr;
  std::size_t len_ = 0;
  std::vector<std::uint64_t> offsets_;
};

}  // namespace storm
