// Names and AlgorithmIdentifiers of signature algorithms, written and read without a library.
#include "crypto/signature.h"

#include <algorithm>
#include <array>
#include <utility>

#include "crypto/base/error.h"

namespace crypto {
namespace {

constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kOid = 0x06;
constexpr std::uint8_t kNull = 0x05;
constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t context_tag(unsigned number) {
  return static_cast<std::uint8_t>(0xa0 + number);
}

// Object identifiers without tag and length.
constexpr std::uint8_t kRsaFamily[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01};  // + number
constexpr std::uint8_t kMgf1 = 8;
constexpr std::uint8_t kRsaPss = 10;
constexpr std::uint8_t kSha2Family[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02};

// RFC 7427 §A.1.
constexpr std::array<std::uint8_t, 15> pkcs1(std::uint8_t number) {
  return {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, number, 0x05, 0};
}
// RFC 7427 §A.3.
constexpr std::array<std::uint8_t, 12> ecdsa(std::uint8_t number) {
  return {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, number};
}
// RFC 7427 §A.4.3, with the salt as long as the hash.
constexpr std::array<std::uint8_t, 67> pss(std::uint8_t hash, std::uint8_t salt_len) {
  return {0x30, 0x41, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,    0x01, 0x0a, 0x30,
          0x34, 0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,    0x65, 0x03, 0x04,
          0x02, hash, 0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a,    0x86, 0x48, 0x86,
          0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86,    0x48, 0x01, 0x65,
          0x03, 0x04, 0x02, hash, 0x05, 0x00, 0xa2, 0x03, 0x02, 0x01, salt_len};
}

constexpr auto kPkcs1Sha1 = pkcs1(5);
constexpr auto kPkcs1Sha256 = pkcs1(11);
constexpr auto kPkcs1Sha384 = pkcs1(12);
constexpr auto kPkcs1Sha512 = pkcs1(13);
constexpr auto kPssSha256 = pss(1, 32);
constexpr auto kPssSha384 = pss(2, 48);
constexpr auto kPssSha512 = pss(3, 64);
constexpr auto kEcdsaSha256 = ecdsa(2);
constexpr auto kEcdsaSha384 = ecdsa(3);
constexpr auto kEcdsaSha512 = ecdsa(4);
constexpr std::array<std::uint8_t, 7> kEd25519 = {0x30, 0x05, 0x06, 0x03,
                                                  0x2b, 0x65, 0x70};  // RFC 8420 §A.2

struct Row {
  SignatureAlgorithm algorithm;
  const char* name;
  SignatureHash hash;
  Bytes identifier;
};
constexpr std::array<Row, kSignatureAlgorithmCount> kRows = {{
    {SignatureAlgorithm::rsa_pkcs1_sha1, "rsa-sha1", SignatureHash::sha1, kPkcs1Sha1},
    {SignatureAlgorithm::rsa_pkcs1_sha256, "rsa-sha256", SignatureHash::sha256, kPkcs1Sha256},
    {SignatureAlgorithm::rsa_pkcs1_sha384, "rsa-sha384", SignatureHash::sha384, kPkcs1Sha384},
    {SignatureAlgorithm::rsa_pkcs1_sha512, "rsa-sha512", SignatureHash::sha512, kPkcs1Sha512},
    {SignatureAlgorithm::rsa_pss_sha256, "rsa-pss-sha256", SignatureHash::sha256, kPssSha256},
    {SignatureAlgorithm::rsa_pss_sha384, "rsa-pss-sha384", SignatureHash::sha384, kPssSha384},
    {SignatureAlgorithm::rsa_pss_sha512, "rsa-pss-sha512", SignatureHash::sha512, kPssSha512},
    {SignatureAlgorithm::ecdsa_sha256, "ecdsa-sha256", SignatureHash::sha256, kEcdsaSha256},
    {SignatureAlgorithm::ecdsa_sha384, "ecdsa-sha384", SignatureHash::sha384, kEcdsaSha384},
    {SignatureAlgorithm::ecdsa_sha512, "ecdsa-sha512", SignatureHash::sha512, kEcdsaSha512},
    {SignatureAlgorithm::ed25519, "ed25519", SignatureHash::identity, kEd25519},
}};
consteval bool rows_are_in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i)
    if (std::to_underlying(kRows[i].algorithm) != i) return false;
  return true;
}
static_assert(rows_are_in_order());
const Row& row_of(SignatureAlgorithm algorithm) { return kRows[std::to_underlying(algorithm)]; }

// One value of DER below 128 octets, which is as long as anything in an AlgorithmIdentifier is.
[[nodiscard]] bool take_value(ByteReader& reader, std::uint8_t tag, Bytes& content) {
  std::uint8_t found = 0;
  std::uint8_t len = 0;
  return reader.u8(found) && found == tag && reader.u8(len) && len < 0x80 &&
         reader.take(len, content);
}
// The same when that value has to be all there is.
[[nodiscard]] bool take_only(Bytes octets, std::uint8_t tag, Bytes& content) {
  ByteReader reader(octets);
  return take_value(reader, tag, content) && reader.at_end();
}

// The last octet of an OID when the others are `family`.
[[nodiscard]] bool number_in(Bytes oid, Bytes family, std::uint8_t& number) {
  if (oid.size() != family.size() + 1) return false;
  number = oid.back();
  return std::ranges::equal(oid.first(family.size()), family);
}

// Nothing, or NULL.
bool is_null_or_absent(Bytes parameters) {
  Bytes content;
  return parameters.empty() || (take_only(parameters, kNull, content) && content.empty());
}

// AlgorithmIdentifier of a hash of SHA-2: 1 = SHA-256, 2 = SHA-384, 3 = SHA-512.
[[nodiscard]] bool take_sha2(Bytes octets, std::uint8_t& number) {
  Bytes body;
  Bytes oid;
  if (!take_only(octets, kSequence, body)) return false;
  ByteReader reader(body);
  return take_value(reader, kOid, oid) && number_in(oid, kSha2Family, number) && number >= 1 &&
         number <= 3 && is_null_or_absent(reader.rest());
}

[[nodiscard]] bool take_mgf1(Bytes octets, std::uint8_t& hash) {
  Bytes body;
  Bytes oid;
  std::uint8_t number = 0;
  if (!take_only(octets, kSequence, body)) return false;
  ByteReader reader(body);
  return take_value(reader, kOid, oid) && number_in(oid, kRsaFamily, number) && number == kMgf1 &&
         take_sha2(reader.rest(), hash);
}

[[nodiscard]] bool take_small_integer(Bytes octets, std::uint8_t& value) {
  Bytes content;
  if (!take_only(octets, kInteger, content) || content.size() != 1) return false;
  value = content[0];
  return true;
}

// RSASSA-PSS-params (RFC 4055 §3.1). All but the trailer must be there: their defaults are SHA-1.
std::optional<SignatureAlgorithm> parse_pss(Bytes parameters) {
  Bytes body;
  if (!take_only(parameters, kSequence, body)) return std::nullopt;
  ByteReader reader(body);
  Bytes hash_part;
  Bytes mgf_part;
  Bytes salt_part;
  std::uint8_t hash = 0;
  std::uint8_t mgf_hash = 0;
  std::uint8_t salt_len = 0;
  if (!take_value(reader, context_tag(0), hash_part) || !take_sha2(hash_part, hash) ||
      !take_value(reader, context_tag(1), mgf_part) || !take_mgf1(mgf_part, mgf_hash) ||
      !take_value(reader, context_tag(2), salt_part) || !take_small_integer(salt_part, salt_len))
    return std::nullopt;
  if (!reader.at_end()) {
    Bytes trailer_part;
    std::uint8_t trailer = 0;
    if (!take_value(reader, context_tag(3), trailer_part) ||
        !take_small_integer(trailer_part, trailer) || trailer != 1 || !reader.at_end())
      return std::nullopt;
  }
  if (mgf_hash != hash || salt_len != 16 * (hash + 1)) return std::nullopt;
  constexpr SignatureAlgorithm kOf[] = {SignatureAlgorithm::rsa_pss_sha256,
                                        SignatureAlgorithm::rsa_pss_sha384,
                                        SignatureAlgorithm::rsa_pss_sha512};
  return kOf[hash - 1];
}

}  // namespace

const char* key_kind_name(KeyKind kind) {
  switch (kind) {
    case KeyKind::rsa:
      return "RSA";
    case KeyKind::ecdsa_p256:
      return "ECDSA P-256";
    case KeyKind::ecdsa_p384:
      return "ECDSA P-384";
    case KeyKind::ecdsa_p521:
      return "ECDSA P-521";
    case KeyKind::ed25519:
      return "Ed25519";
  }
  std::unreachable();
}

SignatureHash hash_of(SignatureAlgorithm algorithm) { return row_of(algorithm).hash; }
const char* signature_algorithm_name(SignatureAlgorithm algorithm) {
  return row_of(algorithm).name;
}
Bytes algorithm_identifier(SignatureAlgorithm algorithm) { return row_of(algorithm).identifier; }

bool can_use(KeyKind kind, SignatureAlgorithm algorithm) {
  const bool for_rsa = algorithm <= SignatureAlgorithm::rsa_pss_sha512;
  const bool for_ed25519 = algorithm == SignatureAlgorithm::ed25519;
  if (kind == KeyKind::rsa) return for_rsa;
  if (kind == KeyKind::ed25519) return for_ed25519;
  return !for_rsa && !for_ed25519;
}

std::optional<SignatureAlgorithm> parse_algorithm_identifier(Bytes der) {
  Bytes body;
  Bytes oid;
  if (!take_only(der, kSequence, body)) return std::nullopt;
  ByteReader reader(body);
  if (!take_value(reader, kOid, oid)) return std::nullopt;
  std::uint8_t number = 0;
  if (number_in(oid, kRsaFamily, number) && number == kRsaPss) return parse_pss(reader.rest());
  for (const Row& row : kRows) {
    Bytes own_body;
    Bytes own_oid;
    CHECK(take_only(row.identifier, kSequence, own_body));
    ByteReader own(own_body);
    CHECK(take_value(own, kOid, own_oid));
    if (!std::ranges::equal(oid, own_oid)) continue;
    // RFC 5758 §3.2, RFC 8410 §3: ECDSA and Ed25519 have no parameters, not even NULL.
    const bool parameters_fit = own.at_end() ? reader.at_end() : is_null_or_absent(reader.rest());
    if (parameters_fit) return row.algorithm;
  }
  return std::nullopt;
}

}  // namespace crypto
