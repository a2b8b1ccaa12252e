// The initiator's side, message by message.
#include "tests/controlplane/ike_client.h"

#include <algorithm>

#include "controlplane/identity_text.h"
#include "controlplane/ke_groups.h"
#include "crypto/base/error.h"
#include "crypto/certificate.h"
#include "crypto/prf_plus.h"
#include "ike/auth_octets.h"
#include "ike/proposal.h"

namespace cp {
namespace {

Octets body(const std::string& text) {
  const std::string octets = parse_identity(text).value();
  return {octets.begin(), octets.end()};
}

ike::SelectorList everything() {
  static constexpr std::array<std::uint8_t, 4> kZero{};
  ike::SelectorList list;
  list.items[list.count++] = ike::selector_of(ike::TsType::ipv4_addr_range, kZero, 0);
  return list;
}

}  // namespace

IkeClient::IkeClient(std::uint64_t seed)
    : suites{{.encr = ike::EncrId::aes_gcm_16,
              .key_bits = 256,
              .prf = ike::PrfId::hmac_sha2_256,
              .ke = ike::KeId::curve25519}},
      esp_suites{{.encr = ike::EncrId::aes_gcm_16, .key_bits = 256}},
      engine_(crypto::make_ossl_engine()),
      random_(seed) {
  spi_i = ike::IkeSpi(random_.u64() | 1);
  nonce_i.resize(ike::kNonceLen);
  random_.fill(nonce_i);
}

Octets IkeClient::sa_init() {
  const bool hybrid =
      std::ranges::any_of(suites, [](const ike::Suite& s) { return !s.additional.empty(); });
  ke_ = crypto::KeyExchange::make(*ke_group(suites.front().ke));
  const ike::SaInitOffer offer{.spi_i = spi_i,
                               .cookie = {},
                               .suites = suites,
                               .ke = suites.front().ke,
                               .ke_data = ke_->public_value(),
                               .nonce = nonce_i,
                               .fragmentation_supported = fragmentation,
                               .intermediate_supported = hybrid || announces_intermediate,
                               .signature_hashes = ike::hash_bit(ike::HashId::sha2_256)};
  message1_.assign(4096, 0);
  message1_.resize(ike::write_sa_init_request(offer, message1_));
  return message1_;
}

bool IkeClient::take_sa_init(const Octets& answer) {
  message2_ = answer;
  if (ike::parse_sa_init_answer(message2_, sa_init_answer) != ike::ParseError::none) return false;
  if (sa_init_answer.kind != ike::SaInitAnswerKind::response) return false;
  ike::Choice choice;
  if (ike::read_chosen(sa_init_answer.sa, ike::Protocol::ike, choice) != ike::ParseError::none)
    return false;
  suite = choice.suite;
  spi_r = sa_init_answer.spi_r;
  nonce_r.assign(sa_init_answer.nonce.begin(), sa_init_answer.nonce.end());
  Octets shared(crypto::ke_shared_len(ke_->group()));
  if (!ke_->derive(sa_init_answer.ke_data, shared)) return false;
  keymat.assign(ike::ike_keymat_len(suite), 0);
  ike::derive_ike_keys(*engine_, suite, shared, nonce_i, nonce_r, spi_i, spi_r, keymat);
  message_id = 1;
  next_ke = suite.additional.next(0);
  return suite.additional.empty() || sa_init_answer.intermediate_supported;
}

Octets IkeClient::octets_of_us(const Octets& id_body) {
  const Octets covered = int_auth();
  Octets octets(ike::auth_octets_max(message1_.size()) + covered.size());
  octets.resize(ike::write_auth_octets(*engine_,
                                       {.prf = ike::prf_of(suite.prf),
                                        .sk_p = keys().sk_pi,
                                        .real_message = message1_,
                                        .peer_nonce = nonce_r,
                                        .id_body = id_body,
                                        .int_auth = covered},
                                       octets));
  return octets;
}

Octets IkeClient::proof(const Octets& octets) {
  if (asks_eap) return {};
  if (key == nullptr) {
    Octets made(ike::prf_len(suite));
    ike::shared_key_auth(*engine_, ike::prf_of(suite.prf), psk, octets, made.data());
    return made;
  }
  const auto algorithm = crypto::SignatureAlgorithm::ecdsa_sha256;
  const auto signature = key->sign(algorithm, octets);
  CHECK(signature);
  Octets made(512);
  made.resize(ike::write_signature_auth(crypto::algorithm_identifier(algorithm), *signature, made));
  return made;
}

Octets IkeClient::auth() {
  first_auth_ = message_id;
  const Octets id_i = body(identity);
  const Octets id_r = gateway_identity.empty() ? Octets() : body(gateway_identity);
  const Octets made = proof(octets_of_us(id_i));
  std::vector<ike::CertView> views;
  for (const Octets& cert : certs) views.push_back({ike::CertEncoding::x509_signature, cert});
  const ike::SelectorList ts = everything();
  ike::FullAuthOffer offer{.id_i_body = id_i,
                           .certs = views,
                           .has_certreq = key != nullptr || asks_eap,
                           .id_r_body = id_r,
                           .auth_method = key != nullptr ? ike::AuthMethod::digital_signature
                                                         : ike::AuthMethod::shared_key,
                           .auth = made,
                           .has_config = wants_ip4,
                           .child_suites = esp_suites,
                           .child_spi = child_in,
                           .ts_i = &ts,
                           .ts_r = &ts,
                           .ticket_request = ticket_request,
                           .initial_contact = initial_contact,
                           .mobike_supported = mobike};
  offer.config.wants_ip4 = wants_ip4;
  if (ip4_wish) {
    offer.config.has_ip4_wish = true;
    offer.config.ip4_wish = *ip4_wish;
  }
  if (childless) {
    offer.child_suites = {};
    offer.ts_i = offer.ts_r = nullptr;
  }
  ike::PayloadType first = ike::PayloadType::none;
  const Octets inner =
      inner_of(first, [&](ike::ChainBuilder& chain) { ike::write_full_auth_offer(chain, offer); });
  return request(ike::Exchange::ike_auth, first, inner);
}

// AUTH of the gateway: by its certificate when one came, else by the secret.
bool IkeClient::check_proof(crypto::Bytes secret) {
  if (auth_answer.has_id_r) {
    const crypto::Bytes id = auth_answer.id_r.body;
    gateway_id_.assign(id.begin(), id.end());
  }
  const Octets covered = int_auth();
  Octets octets(ike::auth_octets_max(message2_.size()) + covered.size());
  octets.resize(ike::write_auth_octets(*engine_,
                                       {.prf = ike::prf_of(suite.prf),
                                        .sk_p = keys().sk_pr,
                                        .real_message = message2_,
                                        .peer_nonce = nonce_i,
                                        .id_body = gateway_id_,
                                        .int_auth = covered},
                                       octets));
  if (auth_answer.auth.method == ike::AuthMethod::shared_key)
    return ike::verify_shared_key_auth(*engine_, ike::prf_of(suite.prf), secret, octets,
                                       auth_answer.auth.data);
  ike::SignatureView view;
  if (auth_answer.cert_count == 0 || !ike::parse_signature_auth(auth_answer.auth.data, view))
    return false;
  const auto cert = crypto::Certificate::from_der(auth_answer.certs[0].data);
  const auto algorithm = crypto::parse_algorithm_identifier(view.algorithm);
  return cert && algorithm && cert->public_key().verify(*algorithm, octets, view.signature);
}

bool IkeClient::take_eap(const std::vector<Octets>& answer) {
  const Opened opened = open(answer);
  if (!opened.ok) return false;
  answer_octets_ = opened.inner;
  if (ike::parse_full_auth_answer(opened.first, answer_octets_, auth_answer) !=
      ike::ParseError::none)
    return false;
  return auth_answer.has_eap && (!auth_answer.has_auth || check_proof({}));
}

Octets IkeClient::eap_response(const Octets& packet) {
  ike::PayloadType first = ike::PayloadType::none;
  const Octets inner = inner_of(
      first, [&](ike::ChainBuilder& chain) { chain.payload(ike::PayloadType::eap, packet); });
  return request(ike::Exchange::ike_auth, first, inner);
}

Octets IkeClient::last_auth(crypto::Bytes msk) {
  psk.assign(msk.begin(), msk.end());
  Octets made(ike::prf_len(suite));
  ike::shared_key_auth(*engine_, ike::prf_of(suite.prf), psk, octets_of_us(body(identity)),
                       made.data());
  ike::PayloadType first = ike::PayloadType::none;
  const Octets inner = inner_of(
      first, [&](ike::ChainBuilder& chain) { chain.auth(ike::AuthMethod::shared_key, made); });
  return request(ike::Exchange::ike_auth, first, inner);
}

bool IkeClient::take_auth(const std::vector<Octets>& answer) {
  const Opened opened = open(answer);
  if (!opened.ok) return false;
  answer_octets_ = opened.inner;
  if (ike::parse_full_auth_answer(opened.first, answer_octets_, auth_answer) !=
      ike::ParseError::none)
    return false;
  if (!auth_answer.has_auth || !check_proof(psk)) return false;
  ike::Choice choice;
  if (auth_answer.has_sa &&
      ike::read_chosen(auth_answer.sa, ike::Protocol::esp, choice) == ike::ParseError::none)
    child_out = ike::EspSpi(crypto::load_be32(choice.spi.data()));
  return true;
}

Octets IkeClient::request(ike::Exchange exchange, ike::PayloadType first, const Octets& inner) {
  Octets altered = inner;
  if (alter_inner) alter_inner(altered);
  const ike::Header header{.spi_i = spi_i,
                           .spi_r = spi_r,
                           .exchange = exchange,
                           .flags = role(),
                           .message_id = ike::MessageId(message_id++)};
  Octets message(altered.size() + 256);
  message.resize(ike::seal_message(sender(), header, first, altered, message));
  return message;
}

std::vector<Octets> IkeClient::fragments(ike::Exchange exchange, std::size_t inner_len) {
  Octets inner(inner_len, 0);
  crypto::store_be16(inner.data() + 2, static_cast<std::uint16_t>(inner_len));
  return sealed(exchange, static_cast<ike::PayloadType>(200), inner, ike::kFragmentMessageMax);
}

std::vector<Octets> IkeClient::sealed(ike::Exchange exchange, ike::PayloadType first,
                                      const Octets& inner, std::size_t message_max) {
  const ike::Header header{.spi_i = spi_i,
                           .spi_r = spi_r,
                           .exchange = exchange,
                           .flags = role(),
                           .message_id = ike::MessageId(message_id++)};
  const std::size_t count = ike::fragment_count(suite, inner.size(), message_max);
  std::vector<Octets> pieces;
  for (std::size_t i = 1; i <= count; ++i) {
    Octets piece(message_max);
    piece.resize(ike::seal_fragment(sender(), header, first, inner, message_max, i, piece));
    pieces.push_back(piece);
  }
  return pieces;
}

Octets IkeClient::answer(const ike::Header& request, ike::PayloadType first, const Octets& inner) {
  ike::Header header = request;
  header.flags = static_cast<std::uint8_t>(role() | ike::kFlagResponse);
  Octets message(inner.size() + 256);
  message.resize(ike::seal_message(sender(), header, first, inner, message));
  return message;
}

IkeClient::Opened IkeClient::open(const std::vector<Octets>& messages) {
  Opened out;
  Octets memory(ike::kReassembledMax);
  ike::Reassembler reassembler(memory);
  plaintext_.assign(ike::kReassembledMax, 0);
  for (const Octets& message : messages) {
    if (ike::parse_header(message, out.header) != ike::ParseError::none) return out;
    ike::OpenedMessage opened;
    const ike::SkOutcome outcome =
        ike::open_message(receiver(), message, out.header, fragmentation ? &reassembler : nullptr,
                          plaintext_, opened);
    if (outcome != ike::SkOutcome::opened) continue;
    out.ok = true;
    out.first = opened.first_inner;
    out.inner.assign(opened.inner.begin(), opened.inner.end());
  }
  return out;
}

std::uint16_t IkeClient::error_of(const Opened& opened) {
  ike::PayloadChain chain(opened.first, opened.inner);
  for (ike::Payload p; chain.next(p);) {
    ike::NotifyView notify;
    if (p.type == ike::PayloadType::notify &&
        ike::parse_notify(p.body, notify) == ike::ParseError::none && ike::is_error(notify.type))
      return notify.type;
  }
  return 0;
}

Octets IkeClient::rekey_child(ike::EspSpi old_in, ike::EspSpi new_in, ike::KeId ke,
                              const ike::AdditionalKes& additional) {
  Octets nonce(ike::kNonceLen);
  random_.fill(nonce);
  kes = {.nonce_i = nonce};
  std::vector<ike::Suite> offered = esp_suites;
  crypto::Bytes public_value;
  if (ke != ike::KeId::none) {
    for (ike::Suite& s : offered) {
      s.ke = ke;
      s.additional = additional;
    }
    ke_ = crypto::KeyExchange::make(*ke_group(ke));
    public_value = ke_->public_value();
  }
  const ike::SelectorList ts = everything();
  ike::PayloadType first = ike::PayloadType::none;
  const Octets inner = inner_of(first, [&](ike::ChainBuilder& payloads) {
    ike::write_create_child_offer(payloads,
                                  {.kind = old_in.value() == 0 ? ike::CreateChildKind::new_child
                                                               : ike::CreateChildKind::rekey_child,
                                   .rekey_spi = old_in,
                                   .suites = offered,
                                   .child_spi = new_in,
                                   .nonce = nonce,
                                   .ke = ke,
                                   .ke_data = public_value,
                                   .ts_i = &ts,
                                   .ts_r = &ts});
  });
  return request(ike::Exchange::create_child_sa, first, inner);
}

Octets IkeClient::rekey_ike(ike::IkeSpi new_spi) {
  random_.fill(nonce_i);
  kes = {.nonce_i = nonce_i};
  next_spi_ = new_spi;
  ke_ = crypto::KeyExchange::make(*ke_group(suites.front().ke));
  ike::PayloadType first = ike::PayloadType::none;
  const Octets inner = inner_of(first, [&](ike::ChainBuilder& payloads) {
    ike::write_create_child_offer(payloads, {.kind = ike::CreateChildKind::rekey_ike,
                                             .suites = suites,
                                             .ike_spi = new_spi,
                                             .nonce = nonce_i,
                                             .ke = suites.front().ke,
                                             .ke_data = ke_->public_value(),
                                             .ticket_request = ticket_request});
  });
  return request(ike::Exchange::create_child_sa, first, inner);
}

bool IkeClient::take_rekey_ike(const Opened& opened) {
  if (!take_create_child(opened, ike::Protocol::ike) || kes.next_ke < ike::AdditionalKes::kMax)
    return false;
  go_on_with_chain();
  return true;
}

Octets IkeClient::delete_child(ike::EspSpi ours) {
  ike::PayloadType first = ike::PayloadType::none;
  const Octets inner = inner_of(first, [&](ike::ChainBuilder& chain) {
    ike::write_informational(chain, {.deleted_esp = {&ours, 1}});
  });
  return request(ike::Exchange::informational, first, inner);
}

Octets IkeClient::delete_ike() {
  ike::PayloadType first = ike::PayloadType::none;
  const Octets inner = inner_of(first, [&](ike::ChainBuilder& chain) {
    ike::write_informational(chain, {.deletes_ike = true});
  });
  return request(ike::Exchange::informational, first, inner);
}

}  // namespace cp
