// UsedSet: exactly once. One bit per ticket, in one memory-mapped file per issuer, and beside it in
// plain memory the number of half-open sessions per ticket.
//
// A bit is set by an atomic fetch-or after AUTH verified (`spend`), so a sniffed message 1 burns
// nothing and two racing uses have one winner. The mapping is shared with the file: a killed
// process loses nothing.
//
//   file     "<16 hex digits of the issuer>.used": 4096 octets of header, capacity / 8 of bits
//
//   header   "RSGUSED1" | issuer(8) | capacity(8) | valid until(8, Unix s) | zeroes; big-endian
//
//   bit      serial s is bit s % 8 (0 = least significant) of the octet at 4096 + s / 8
//
// A file is made under another name, with all its blocks reserved, and renamed when it is whole:
// neither a crash nor a full disk leaves a short file or a hole whose first write would kill a
// worker (SIGBUS). Leftovers under that other name never held a bit; open() removes them.
//
// Threads: find/is_spent/spend/enter/leave/extend_validity/latest_s on any worker; open, create,
// sweep and flush on the control thread only. Issuers are published through a fixed array of atomic
// pointers. An IssuerUse found by a worker is valid until that worker's next quiet state
// (dataplane/snapshot.h): sweep() unpublishes expired issuers, and only the next sweep() unmaps
// them. The caller sees to it that every worker was quiet between two calls.
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
// 6.9e10 tickets that have not expired. When all are taken no new ticket is issued until one
// expires (clients that ask are told TICKET_NACK); those that are out there work on.
inline constexpr std::size_t kIssuersMax = 4096;
// A file is kept this long after its last ticket expired: longer than any clock skew that
// acceptance grants, and than a clock that was wrong for a while.
inline constexpr std::uint64_t kUsedGraceS = 3600;

class IssuerUse {
 public:
  ~IssuerUse();
  ike::IssuerId issuer() const { return issuer_; }
  std::uint64_t capacity() const { return capacity_; }

  // Serials start at 1; one at or above the capacity is never valid. An invalid serial counts as
  // spent.
  bool is_valid(ike::TicketSerial s) const { return s.value() != 0 && s.value() < capacity_; }
  bool is_spent(ike::TicketSerial s) const;
  // True for the one caller that spent it.
  [[nodiscard]] bool spend(ike::TicketSerial s);
  // Half-opens of one ticket: false when `limit` (at most 3) are open already.
  [[nodiscard]] bool enter(ike::TicketSerial s, unsigned limit);
  void leave(ike::TicketSerial s);
  // A ticket that was sealed or spent expires then; kept in the file, so that it can be removed
  // after the last one. Never shortens.
  void extend_validity(std::uint64_t until_s);
  std::uint64_t valid_until_s() const;

 private:
  friend class UsedSet;
  IssuerUse() = default;
  ike::IssuerId issuer_;
  std::uint64_t capacity_ = 0;
  std::uint8_t* file_ = nullptr;  // mapping: header and bits
  std::size_t file_len_ = 0;
  std::uint8_t* entered_ = nullptr;  // 2 bits per serial, anonymous memory, touched as needed
  std::size_t entered_len_ = 0;
};

class UsedSet {
 public:
  // Opens every *.used file of `dir` (created with mode 0700 when absent; refused when others may
  // write to it). Files that are not ours or damaged are an error with the file's name and what to
  // do about it; those past expiry and grace are removed. Other names are left alone, except the
  // clock mark (dataplane/clock_mark.h), which is raised to `now_s`.
  static crypto::Result<std::unique_ptr<UsedSet>> open(const std::string& dir, std::uint64_t now_s);
  ~UsedSet();

  // Null when this issuer is not mapped. Lock-free; a few nanoseconds.
  IssuerUse* find(ike::IssuerId issuer) const;
  // Creates (or opens, when it exists) the file of an issuer and publishes it; extends its validity
  // to `valid_until_s`. `capacity` (of a new file; a multiple of 64, at most kIssuerCapacity) is
  // one more than the last serial.
  crypto::Result<IssuerUse*> create(ike::IssuerId issuer, std::uint64_t capacity,
                                    std::uint64_t valid_until_s);
  // Raises the clock mark to `now_s`, removes the files of issuers that the previous sweep()
  // unpublished, then unpublishes those whose last ticket has expired and the grace is over.
  // Returns how many files were removed; nothing is removed when the mark cannot be written.
  crypto::Result<std::size_t> sweep(std::uint64_t now_s);
  // The latest time that this directory has seen, before this start too (R5723-167). Tickets are
  // judged by no earlier time. Any thread.
  std::uint64_t latest_s() const { return latest_s_.load(std::memory_order_relaxed); }
  // Writes dirty pages of all files to disk (power loss; a killed process needs nothing). Blocks.
  crypto::Status flush();
  std::size_t issuer_count() const { return owned_.size(); }

 private:
  static constexpr std::size_t kPlaces = 2 * kIssuersMax;
  UsedSet() = default;
  crypto::Status raise_mark(std::uint64_t now_s);
  crypto::Status open_all(std::uint64_t now_s);
  crypto::Status make_file(ike::IssuerId issuer, std::uint64_t capacity,
                           std::uint64_t valid_until_s) const;
  crypto::Result<std::unique_ptr<IssuerUse>> map_file(const std::string& path,
                                                      ike::IssuerId issuer) const;
  std::string path_of(ike::IssuerId issuer) const;
  void publish(IssuerUse* use);
  void unpublish(const IssuerUse* use);
  std::string dir_;
  std::atomic<std::uint64_t> latest_s_{0};
  // Open addressing by issuer id; published with release, read with acquire.
  std::array<std::atomic<IssuerUse*>, kPlaces> published_{};
  std::vector<std::unique_ptr<IssuerUse>> owned_, retired_;
};

}  // namespace dp
