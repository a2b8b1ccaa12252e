// A public-key infrastructure that a test makes as it runs, with "openssl ca": authorities, leaves,
// CRLs. Everything is valid from 2025 to 2035 unless a test says otherwise; tests verify at
// kPkiNow.
//
// NAME stands for three files: NAME.key, NAME.pem and, for an authority, NAME.crl.pem.
#pragma once

#include <string>
#include <vector>

#include "crypto/certificate.h"
#include "tests/support/openssl_cli.h"

namespace support {

inline constexpr std::int64_t kPkiNow = 1767225600;  // 2026-01-01 00:00:00 UTC
inline constexpr const char* kPkiBegin = "20250101000000Z";
inline constexpr const char* kPkiEnd = "20351231235959Z";

struct CertificateWish {
  std::string name;
  std::string issuer;      // its own name: self-signed
  std::string extensions;  // lines of openssl's x509v3 configuration
  std::string subject;     // empty: "/C=CH/O=Resurge Test/CN=" and the name
  std::string key_kind = "P-256";
  std::string begin = kPkiBegin;
  std::string end = kPkiEnd;
  std::string more;  // further options of "openssl ca"
};

inline constexpr const char* kCaExtensions =
    "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
    "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";

class TestPki : public OpensslFolder {
 public:
  void make(const CertificateWish& wish);
  // An authority with kCaExtensions.
  void make_ca(const std::string& name, const std::string& issuer);
  void revoke(const std::string& name, const std::string& issuer);
  // Writes NAME.crl.pem of the authority.
  void make_crl(const std::string& authority, const std::string& begin = kPkiBegin,
                const std::string& end = kPkiEnd);

  crypto::Certificate certificate(const std::string& name) const;
  std::vector<crypto::Certificate> certificates(const std::vector<std::string>& names) const;
};

}  // namespace support
