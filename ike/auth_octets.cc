// The octets that a full AUTH covers, shared-key AUTH, and AlgorithmIdentifiers.
#include "ike/auth_octets.h"

#include <algorithm>
#include <array>
#include <utility>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"
#include "crypto/prf_plus.h"

namespace ike {
namespace {

constexpr std::uint8_t kKeyPad[] = {'K', 'e', 'y', ' ', 'P', 'a', 'd', ' ', 'f',
                                    'o', 'r', ' ', 'I', 'K', 'E', 'v', '2'};

// RFC 7427 Appendix A. The hash and MGF1 of PSS are the same, the salt is as long as the hash.
constexpr std::uint8_t kRsa256[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                    0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00};
constexpr std::uint8_t kRsa384[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                    0xf7, 0x0d, 0x01, 0x01, 0x0c, 0x05, 0x00};
constexpr std::uint8_t kRsa512[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                    0xf7, 0x0d, 0x01, 0x01, 0x0d, 0x05, 0x00};
constexpr std::uint8_t kEcdsa256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                      0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
constexpr std::uint8_t kEcdsa384[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                      0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};
constexpr std::uint8_t kEcdsa512[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                      0x48, 0xce, 0x3d, 0x04, 0x03, 0x04};
constexpr std::uint8_t kEd25519[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};
constexpr std::uint8_t kEd448[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x71};

// `hash` is the last octet of id-sha256, id-sha384 or id-sha512.
constexpr std::array<std::uint8_t, 67> pss(std::uint8_t hash, std::uint8_t salt_len) {
  return {0x30, 0x41, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,    0x01, 0x0a, 0x30,
          0x34, 0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,    0x65, 0x03, 0x04,
          0x02, hash, 0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a,    0x86, 0x48, 0x86,
          0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86,    0x48, 0x01, 0x65,
          0x03, 0x04, 0x02, hash, 0x05, 0x00, 0xa2, 0x03, 0x02, 0x01, salt_len};
}
constexpr auto kPss256 = pss(0x01, 32);
constexpr auto kPss384 = pss(0x02, 48);
constexpr auto kPss512 = pss(0x03, 64);

struct Identifier {
  SignatureAlgorithm algorithm;
  HashId hash;
  crypto::Bytes der;
};
constexpr std::array<Identifier, std::to_underlying(SignatureAlgorithm::count)> kIdentifiers = {
    Identifier{SignatureAlgorithm::rsa_pkcs1_sha2_256, HashId::sha2_256, kRsa256},
    Identifier{SignatureAlgorithm::rsa_pkcs1_sha2_384, HashId::sha2_384, kRsa384},
    Identifier{SignatureAlgorithm::rsa_pkcs1_sha2_512, HashId::sha2_512, kRsa512},
    Identifier{SignatureAlgorithm::rsa_pss_sha2_256, HashId::sha2_256, kPss256},
    Identifier{SignatureAlgorithm::rsa_pss_sha2_384, HashId::sha2_384, kPss384},
    Identifier{SignatureAlgorithm::rsa_pss_sha2_512, HashId::sha2_512, kPss512},
    Identifier{SignatureAlgorithm::ecdsa_sha2_256, HashId::sha2_256, kEcdsa256},
    Identifier{SignatureAlgorithm::ecdsa_sha2_384, HashId::sha2_384, kEcdsa384},
    Identifier{SignatureAlgorithm::ecdsa_sha2_512, HashId::sha2_512, kEcdsa512},
    Identifier{SignatureAlgorithm::ed25519, HashId::identity, kEd25519},
    Identifier{SignatureAlgorithm::ed448, HashId::identity, kEd448},
};
static_assert([] {
  for (std::size_t i = 0; i < kIdentifiers.size(); ++i)
    if (std::to_underlying(kIdentifiers[i].algorithm) != i) return false;
  return true;
}());

const Identifier& row(SignatureAlgorithm algorithm) {
  CHECK(algorithm < SignatureAlgorithm::count);
  return kIdentifiers[std::to_underlying(algorithm)];
}

}  // namespace

std::size_t write_auth_octets(crypto::Engine& engine, const AuthInput& input,
                              crypto::MutBytes out) {
  std::array<std::uint8_t, crypto::kPrfLenMax> maced_id;
  crypto::prf_once(engine, input.prf, input.sk_p, input.id_body, maced_id.data());
  crypto::ByteWriter writer(out);
  writer.bytes(input.real_message);
  writer.bytes(input.peer_nonce);
  writer.bytes(crypto::Bytes(maced_id).first(crypto::prf_len(input.prf)));
  writer.bytes(input.int_auth);
  return writer.ok() ? writer.size() : 0;
}

void shared_key_auth(crypto::Engine& engine, crypto::Prf prf, crypto::Bytes secret,
                     crypto::Bytes octets, std::uint8_t* out) {
  crypto::Secret<crypto::kPrfLenMax> padded;
  crypto::prf_once(engine, prf, secret, kKeyPad, padded.fill().data());
  crypto::prf_once(engine, prf, padded.reveal().first(crypto::prf_len(prf)), octets, out);
}

bool verify_shared_key_auth(crypto::Engine& engine, crypto::Prf prf, crypto::Bytes secret,
                            crypto::Bytes octets, crypto::Bytes auth) {
  crypto::Secret<crypto::kPrfLenMax> expected;
  shared_key_auth(engine, prf, secret, octets, expected.fill().data());
  return crypto::ct_equal(expected.reveal().first(crypto::prf_len(prf)), auth);
}

bool parse_signature_auth(crypto::Bytes auth_data, SignatureView& out) {
  crypto::ByteReader reader(auth_data);
  std::uint8_t len = 0;
  if (!reader.u8(len) || len == 0 || !reader.take(len, out.algorithm) || reader.at_end())
    return false;
  out.signature = reader.rest();
  return true;
}

std::size_t write_signature_auth(crypto::Bytes algorithm, crypto::Bytes signature,
                                 crypto::MutBytes out) {
  if (algorithm.empty() || algorithm.size() > 255 || signature.empty()) return 0;
  crypto::ByteWriter writer(out);
  writer.u8(static_cast<std::uint8_t>(algorithm.size()));
  writer.bytes(algorithm);
  writer.bytes(signature);
  return writer.ok() ? writer.size() : 0;
}

crypto::Bytes algorithm_identifier(SignatureAlgorithm algorithm) { return row(algorithm).der; }

std::optional<SignatureAlgorithm> identify_signature(crypto::Bytes algorithm) {
  const auto* found = std::ranges::find_if(kIdentifiers, [algorithm](const Identifier& known) {
    return std::ranges::equal(known.der, algorithm);
  });
  if (found == kIdentifiers.end()) return std::nullopt;
  return found->algorithm;
}

HashId hash_of(SignatureAlgorithm algorithm) { return row(algorithm).hash; }

}  // namespace ike
