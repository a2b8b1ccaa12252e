// UsedSet: exactly once. One bit per ticket, in one memory-mapped file per issuer, and beside it in plain
// memory the number of half-open sessions per ticket.
//
// A bit is set by an atomic fetch-or after AUTH verified (`spend`), so a sniffed message 1 burns nothing and
// two racing uses have one winner. The mapping is shared with the file: a killed process loses nothing.
//
//   file "<16 hex digits of the issuer>.used":  header of 4096 octets, then capacity / 8 octets of bits
//   header: "RSGUSED1" | issuer(8) | capacity(8) | valid until(8, Unix s)            big-endian
//
// Threads: find/is_spent/spend/enter/leave on any worker; open/create/close/sweep on the control thread
// only. Issuers are published through a fixed array of atomic pointers; a set that is closed is unmapped only
// after `quiesced` says so.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "crypto/base/error.h"
#include "ike/ids.h"

namespace dp {

inline constexpr std::uint64_t kIssuerCapacity = 1ull << 24;  // tickets an issuer id may seal
inline constexpr std::size_t kIssuersMax = 1024;

class IssuerUse {
 public:
  ~IssuerUse();
  ike::IssuerId issuer() const { return issuer_; }
  std::uint64_t capacity() const { return capacity_; }

  // A serial at or above the capacity is never valid.
  bool is_valid(ike::TicketSerial s) const { return s.value() != 0 && s.value() < capacity_; }
  bool is_spent(ike::TicketSerial s) const;
  // True for the one caller that spent it.
  [[nodiscard]] bool spend(ike::TicketSerial s);
  // Half-opens of one ticket: false when `limit` (at most 3) are open already.
  [[nodiscard]] bool enter(ike::TicketSerial s, unsigned limit);
  void leave(ike::TicketSerial s);
  // The issuer's latest ticket expires then; kept in the file so that it can be removed later.
  void extend_validity(std::uint64_t until_s);
  std::uint64_t valid_until_s() const;

 private:
  friend class UsedSet;
  IssuerUse() = default;
  ike::IssuerId issuer_;
  std::uint64_t capacity_ = 0;
  std::uint8_t* file_ = nullptr;              // mapping: header and bits
  std::size_t file_len_ = 0;
  std::atomic<std::uint8_t>* entered_ = nullptr;  // 2 bits per serial, anonymous memory
  std::size_t entered_len_ = 0;
};

class UsedSet {
 public:
  // Opens every *.used file of `dir` (created with mode 0700 when absent). Files that are not ours or
  // damaged are an error with the file's name; expired ones are removed.
  static crypto::Result<std::unique_ptr<UsedSet>> open(const std::string& dir, std::uint64_t now_s);
  ~UsedSet();

  // Null when this issuer is not mapped. Lock-free.
  IssuerUse* find(ike::IssuerId issuer) const;
  // Creates (or opens, when it exists) the file of an issuer and publishes it. Control thread.
  crypto::Result<IssuerUse*> create(ike::IssuerId issuer, std::uint64_t capacity,
                                    std::uint64_t valid_until_s);
  // Removes the files of issuers whose last ticket has expired. Control thread, workers quiesced between.
  std::size_t sweep(std::uint64_t now_s);
  // Writes dirty pages of all files to disk (power loss; a killed process needs nothing).
  void flush();
  std::size_t issuer_count() const;

 private:
  UsedSet() = default;
  crypto::Result<std::unique_ptr<IssuerUse>> map_file(const std::string& path) const;
  std::string dir_;
  // Open addressing by issuer id; published with release, read with acquire.
  std::array<std::atomic<IssuerUse*>, 2 * kIssuersMax> published_{};
  std::vector<std::unique_ptr<IssuerUse>> owned_, retired_;
};

}  // namespace dp
