// Keys, certificates and CRLs that tests make as they run, through the openssl command: the
// repository holds no private key, and what reads them is not what wrote them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "tests/support/hex.h"

namespace support {

// A folder of its own below the system's temporary one, removed at the end.
class OpensslFolder {
 public:
  OpensslFolder();
  ~OpensslFolder();
  OpensslFolder(const OpensslFolder&) = delete;
  OpensslFolder& operator=(const OpensslFolder&) = delete;

  std::string path(std::string_view name) const { return (folder_ / name).string(); }
  std::string read(std::string_view name) const;
  Octets read_octets(std::string_view name) const;
  void write(std::string_view name, std::string_view text) const;

  // Runs "openssl ARGUMENTS" in the folder by a shell. Throws with what it said when it fails.
  void openssl(const std::string& arguments) const;
  // A private key in PKCS #8, mode 0600: kind is "RSA:2048", "P-256", "P-384", "P-521", "Ed25519".
  void make_key(const std::string& file, const std::string& kind) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace support
