// Making and checking AUTH.
#include "controlplane/proofs.h"

#include <algorithm>
#include <optional>

#include "crypto/certificate.h"
#include "crypto/trust_store.h"
#include "ike/sa_init.h"

namespace cp {
namespace {

using crypto::KeyKind;
using crypto::SignatureAlgorithm;

// RFC 9242 §3.3.2: with IKE_INTERMEDIATE, AUTH of both sides covers it.
Octets int_auth_of(const Handshake& h) {
  if (h.intermediates == 0) return {};
  Octets int_auth(ike::kIntAuthMax);
  int_auth.resize(ike::write_int_auth(h.int_auth_i, h.int_auth_r, h.first_auth(), int_auth));
  return int_auth;
}

Octets signed_octets(const IkeSa& sa, crypto::Bytes sk_p, crypto::Bytes message,
                     crypto::Bytes nonce, crypto::Bytes id_body, Plane& plane) {
  const Octets int_auth = int_auth_of(*sa.handshake);
  Octets octets(ike::auth_octets_max(message.size()) + int_auth.size());
  octets.resize(ike::write_auth_octets(plane.engine,
                                       {.prf = ike::prf_of(sa.suite.prf),
                                        .sk_p = sk_p,
                                        .real_message = message,
                                        .peer_nonce = nonce,
                                        .id_body = id_body,
                                        .int_auth = int_auth},
                                       octets));
  return octets;
}

// RFC 7427 §4: a hash that the peer announced; RSA as PSS, which Ed25519-era peers all know.
std::optional<SignatureAlgorithm> best_algorithm(KeyKind kind, std::uint16_t hashes) {
  using enum SignatureAlgorithm;
  struct Row {
    SignatureAlgorithm algorithm;
    ike::HashId hash;
  };
  constexpr Row kBest[] = {
      {ed25519, ike::HashId::identity},        {ecdsa_sha256, ike::HashId::sha2_256},
      {ecdsa_sha384, ike::HashId::sha2_384},   {ecdsa_sha512, ike::HashId::sha2_512},
      {rsa_pss_sha256, ike::HashId::sha2_256}, {rsa_pss_sha384, ike::HashId::sha2_384},
      {rsa_pss_sha512, ike::HashId::sha2_512},
  };
  // A curve goes with the hash of its size where the peer knows it.
  if (kind == KeyKind::ecdsa_p384 && (hashes & ike::hash_bit(ike::HashId::sha2_384)) != 0)
    return ecdsa_sha384;
  if (kind == KeyKind::ecdsa_p521 && (hashes & ike::hash_bit(ike::HashId::sha2_512)) != 0)
    return ecdsa_sha512;
  for (const Row& row : kBest)
    if (crypto::can_use(kind, row.algorithm) && (hashes & ike::hash_bit(row.hash)) != 0)
      return row.algorithm;
  return std::nullopt;
}

// The methods before RFC 7427: each fixes key and hash.
struct Classic {
  ike::AuthMethod method;
  KeyKind kind;
  SignatureAlgorithm algorithm;
};
constexpr Classic kClassic[] = {
    {ike::AuthMethod::rsa, KeyKind::rsa, SignatureAlgorithm::rsa_pkcs1_sha1},
    {ike::AuthMethod::ecdsa_256, KeyKind::ecdsa_p256, SignatureAlgorithm::ecdsa_sha256},
    {ike::AuthMethod::ecdsa_384, KeyKind::ecdsa_p384, SignatureAlgorithm::ecdsa_sha384},
    {ike::AuthMethod::ecdsa_521, KeyKind::ecdsa_p521, SignatureAlgorithm::ecdsa_sha512},
};

bool check_signature(const crypto::PublicKey& key, const ike::AuthView& auth,
                     crypto::Bytes octets) {
  if (auth.method == ike::AuthMethod::digital_signature) {
    ike::SignatureView view;
    if (!ike::parse_signature_auth(auth.data, view)) return false;
    const auto algorithm = crypto::parse_algorithm_identifier(view.algorithm);
    // RFC 7427 §3 with RFC 8247: SHA-1 was not announced, so it is not taken.
    if (!algorithm || *algorithm == SignatureAlgorithm::rsa_pkcs1_sha1) return false;
    return key.verify(*algorithm, octets, view.signature);
  }
  const auto row = std::ranges::find(kClassic, auth.method, &Classic::method);
  if (row == std::end(kClassic) || row->kind != key.kind()) return false;
  return key.verify(row->algorithm, octets, auth.data, crypto::EcdsaForm::raw);
}

std::optional<crypto::NameKind> name_kind(ike::IdType type) {
  using enum ike::IdType;
  switch (type) {
    case der_asn1_dn:
      return crypto::NameKind::dn;
    case fqdn:
      return crypto::NameKind::fqdn;
    case rfc822_addr:
      return crypto::NameKind::rfc822;
    case ipv4_addr:
      return crypto::NameKind::ip4;
    case ipv6_addr:
      return crypto::NameKind::ip6;
    case key_id:
    default:
      return std::nullopt;
  }
}

bool wants_certificate(const Connection& connection, const ike::FullAuthRequest& request) {
  if (connection.send_cert == SendCert::if_asked) return request.cert_request_count != 0;
  return connection.send_cert == SendCert::always;
}

bool sign(const IkeSa& sa, const crypto::PrivateKey& key, crypto::Bytes octets, OwnProof& out) {
  if (const auto algorithm = best_algorithm(key.kind(), sa.handshake->signature_hashes)) {
    const auto signature = key.sign(*algorithm, octets);
    if (!signature) return false;
    out.method = ike::AuthMethod::digital_signature;
    out.auth.resize(signature->size() + 256);
    out.auth.resize(
        ike::write_signature_auth(crypto::algorithm_identifier(*algorithm), *signature, out.auth));
    return !out.auth.empty();
  }
  const auto row = std::ranges::find(kClassic, key.kind(), &Classic::kind);
  if (row == std::end(kClassic)) return false;
  auto signature = key.sign(row->algorithm, octets, crypto::EcdsaForm::raw);
  if (!signature) return false;
  out.method = row->method;
  out.auth = std::move(*signature);
  return true;
}

}  // namespace

Octets peer_octets(const IkeSa& sa, crypto::Bytes id_body, Plane& plane) {
  const Handshake& h = *sa.handshake;
  return signed_octets(sa, sa.keys().sk_pi, h.message1, h.nonce_r, id_body, plane);
}

Octets own_octets(const IkeSa& sa, crypto::Bytes id_body, Plane& plane) {
  const Handshake& h = *sa.handshake;
  return signed_octets(sa, sa.keys().sk_pr, h.message2, h.nonce_i, id_body, plane);
}

std::string verify_signature(const Connection& connection, const ike::FullAuthRequest& request,
                             crypto::Bytes octets, Plane& plane) {
  const crypto::TrustStore* trust = plane.policy->trust(connection);
  if (trust == nullptr) return "no authority is trusted";
  std::vector<crypto::Certificate> certs;
  for (std::size_t i = 0; i < request.cert_count; ++i) {
    if (request.certs[i].encoding != ike::CertEncoding::x509_signature) continue;
    auto cert = crypto::Certificate::from_der(request.certs[i].data);
    if (!cert) return cert.error().text;
    certs.push_back(std::move(*cert));
  }
  if (certs.empty()) return "no certificate sent";
  const crypto::Certificate& leaf = certs.front();
  const auto kind = name_kind(request.id_i.type);
  if (!kind || !leaf.matches_identity(*kind, request.id_i.data))
    return "certificate of " + leaf.subject_text() + " does not prove this identity";
  // The signature is cheaper than the chain, and says that the peer owns the key.
  if (!check_signature(leaf.public_key(), request.auth, octets)) return "wrong signature";
  const auto verdict =
      trust->verify(leaf, std::span(certs).subspan(1), connection.remote.revocation,
                    static_cast<std::int64_t>(plane.now.unix_s));
  return verdict ? "" : verdict.error().text;
}

bool prove_ourselves(const IkeSa& sa, const Connection& connection, const IdBody& own_id,
                     const ike::FullAuthRequest& request, Plane& plane, OwnProof& out) {
  const Octets octets = own_octets(sa, own_id, plane);
  if (connection.local.auth == AuthKind::psk) {
    const Psk* psk = plane.policy->find_psk(own_id, request.id_i.body);
    if (psk == nullptr) return false;
    out.auth.resize(ike::prf_len(sa.suite));
    ike::shared_key_auth(plane.engine, ike::prf_of(sa.suite.prf), psk->secret.reveal(), octets,
                         out.auth.data());
    return true;
  }
  const LocalKey* local = plane.policy->local_key(connection);
  if (local == nullptr || !sign(sa, local->key, octets, out)) return false;
  if (wants_certificate(connection, request))
    for (const crypto::Certificate& cert : local->chain)
      out.certs.push_back({ike::CertEncoding::x509_signature, cert.der()});
  return true;
}

void put_proof(const OwnProof& proof, const Octets& own_id, ike::FullAuthResponse& response) {
  response.id_r_body = own_id;
  response.certs = proof.certs;
  response.auth_method = proof.method;
  response.auth = proof.auth;
}

}  // namespace cp
