// What a Certificate holds, for crypto/ossl_certificate.cc and crypto/ossl_trust_store.cc alone.
//
// OpenSSL's headers stay out of it: X509 is the name that they give to this struct.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "crypto/certificate.h"

struct x509_st;

namespace crypto {

// One of a subjectAltName; never a dn.
struct AlternativeName {
  NameKind kind;
  std::vector<std::uint8_t> octets;
};

struct Certificate::Impl {
  struct Free {
    void operator()(x509_st* object) const;
  };
  std::unique_ptr<x509_st, Free> x509;
  std::vector<std::uint8_t> der;
  std::vector<std::uint8_t> subject;
  std::vector<std::uint8_t> issuer;
  std::string subject_text;
  std::string issuer_text;
  std::int64_t not_before_s = 0;
  std::int64_t not_after_s = 0;
  std::vector<AlternativeName> names;
  PublicKey key;
  AuthorityHash key_hash;
};

// The contents of one block of a PEM text: "CERTIFICATE", "X509 CRL".
struct PemBlock {
  std::string label;
  std::vector<std::uint8_t> der;
};
// Every block with one of the label. Errors: a block that is cut or no base64 (with its number
// among all blocks), more than `count_max` blocks.
Result<std::vector<PemBlock>> read_pem(std::string_view text, std::size_t count_max);
// Does it look like PEM? Otherwise it is taken for DER.
bool is_pem(Bytes content);

// At most 200 characters of a subject, for an error.
std::string clipped(const std::string& subject);

}  // namespace crypto
