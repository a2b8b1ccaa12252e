// TicketKeys: the gateway's keyring file over time: read, rotated by the clock, read again on
// demand.
//
// A rotation writes the file before anybody may seal with the new key: a gateway that dies right
// after must find the key of every ticket it gave out. When the last rotation was is read from the
// file (a rotation draws the next key), so it survives restarts and counts rotations made by
// resurge-keys too. Control thread only. Time is given by the caller.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>

#include "crypto/base/error.h"
#include "crypto/keyring.h"

namespace cp {

class TicketKeys {
 public:
  struct Policy {
    std::string path;
    std::uint32_t rotate_every_s = 0;  // 0 = never by the clock
    std::uint32_t accept_s = 0;        // a replaced key opens tickets this long: their lifetime
  };

  // Reads the file. A missing one is an error that says how to make it.
  static crypto::Result<TicketKeys> load(Policy policy);

  const crypto::Keyring& keyring() const { return keyring_; }

  // Reads the file again when it is another one than last time; true = it was. On an error the old
  // keys stay.
  crypto::Result<bool> reload();
  // Rotates when it is time; true = rotated, and the file is written. On an error the old keys
  // stay.
  crypto::Result<bool> rotate_if_due(std::uint64_t now_s);
  // Rotates whether or not it is time. On an error the old keys stay.
  crypto::Status rotate(std::uint64_t now_s);
  // Unix seconds of the last rotation (or of the keyring's creation).
  std::uint64_t rotated_s() const;

 private:
  crypto::Status rotate_locked(std::uint64_t now_s);  // whoever calls holds the lock
  // What tells one version of the file from another.
  struct Version {
    std::uint64_t inode = 0;
    std::int64_t modified_s = 0;
    std::int64_t modified_ns = 0;
    bool operator==(const Version&) const = default;
  };
  TicketKeys(Policy policy, crypto::Keyring keyring, Version version)
      : policy_(std::move(policy)), keyring_(std::move(keyring)), version_(version) {}
  static crypto::Result<Version> version_of(const std::string& path);

  Policy policy_;
  crypto::Keyring keyring_;
  Version version_;
};

}  // namespace cp
