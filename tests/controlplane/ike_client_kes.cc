// The initiator's side of additional key exchanges: IKE_INTERMEDIATE and IKE_FOLLOWUP_KE.
#include "controlplane/ke_groups.h"
#include "crypto/prf_plus.h"
#include "ike/proposal.h"
#include "tests/controlplane/ike_client.h"

namespace cp {

// RFC 9242 §3.3.2, written down once more.
Octets IkeClient::int_auth_of(const Octets& message, ike::PayloadType first, const Octets& inner,
                              crypto::Bytes sk_p, const Octets& previous) {
  Octets octets = previous;
  octets.insert(octets.end(), message.begin(), message.begin() + 28);
  std::uint8_t* header = octets.data() + previous.size();
  header[16] = 46;  // SK, also where there were fragments
  crypto::store_be32(header + 24, static_cast<std::uint32_t>(28 + 4 + inner.size()));
  octets.push_back(static_cast<std::uint8_t>(first));
  octets.push_back(0);
  octets.push_back(static_cast<std::uint8_t>((4 + inner.size()) >> 8));
  octets.push_back(static_cast<std::uint8_t>(4 + inner.size()));
  octets.insert(octets.end(), inner.begin(), inner.end());
  Octets mac(ike::prf_len(suite));
  crypto::prf_once(*engine_, ike::prf_of(suite.prf), sk_p, octets, mac.data());
  return mac;
}

std::vector<Octets> IkeClient::intermediate(std::size_t message_max) {
  ike::PayloadType first = ike::PayloadType::none;
  Octets inner = inner_of(first, [&](ike::ChainBuilder& payloads) {
    if (!owes_ke()) return;
    const ike::KeId method = suite.additional.at(next_ke);
    ke_ = crypto::KeyExchange::make(*ke_group(method));
    ike::write_ke_message(payloads, {.ke = method, .ke_data = ke_->public_value()});
  });
  if (alter_inner) alter_inner(inner);
  const std::vector<Octets> messages =
      sealed(ike::Exchange::ike_intermediate, first, inner, message_max);
  int_auth_i = int_auth_of(messages.front(), first, inner, keys().sk_pi, int_auth_i);
  return messages;
}

bool IkeClient::take_intermediate(const std::vector<Octets>& answer) {
  const Opened opened = open(answer);
  ike::KeMessage message;
  ike::PayloadType offending = ike::PayloadType::none;
  if (!opened.ok || ike::parse_ke_message(opened.first, opened.inner, message, offending) !=
                        ike::ParseError::none)
    return false;
  if (message.error != 0 || message.has_ke != owes_ke()) return false;
  int_auth_r = int_auth_of(answer.front(), opened.first, opened.inner, keys().sk_pr, int_auth_r);
  if (!owes_ke()) return true;
  Octets shared(crypto::ke_shared_len(ke_->group()));
  if (message.ke != suite.additional.at(next_ke) || !ke_->derive(message.ke_data, shared))
    return false;
  Octets fresh(keymat.size());
  ike::derive_updated_keys(*engine_, suite, keys().sk_d, shared, nonce_i, nonce_r, spi_i, spi_r,
                           fresh);
  keymat = fresh;
  next_ke = suite.additional.next(next_ke + 1);
  return true;
}

Octets IkeClient::int_auth() {
  if (skips_int_auth || int_auth_i.empty()) return {};
  Octets both = int_auth_i;
  both.insert(both.end(), int_auth_r.begin(), int_auth_r.end());
  both.resize(both.size() + 4);
  crypto::store_be32(both.data() + both.size() - 4, first_auth_);
  return both;
}

bool IkeClient::take_create_child(const Opened& opened, ike::Protocol protocol) {
  ike::CreateChildAnswer answer;
  ike::Choice choice;
  if (ike::parse_create_child_answer(opened.first, opened.inner, answer) != ike::ParseError::none ||
      answer.error != 0 || ike::read_chosen(answer.sa, protocol, choice) != ike::ParseError::none)
    return false;
  kes.suite = choice.suite;
  kes.next_ke = choice.suite.additional.next(0);
  kes.link.assign(answer.link.begin(), answer.link.end());
  kes.nonce_r.assign(answer.nonce.begin(), answer.nonce.end());
  if (protocol == ike::Protocol::ike) kes.spi_r = ike::IkeSpi(crypto::load_be64(choice.spi.data()));
  if (choice.suite.ke == ike::KeId::none) return true;
  kes.shared.resize(crypto::ke_shared_len(ke_->group()));
  return ke_->derive(answer.ke_data, kes.shared) &&
         choice.suite.additional.empty() == answer.link.empty();
}

Octets IkeClient::followup() {
  const ike::KeId method = kes.suite.additional.at(kes.next_ke);
  ke_ = crypto::KeyExchange::make(*ke_group(method));
  ike::PayloadType first = ike::PayloadType::none;
  const Octets inner = inner_of(first, [&](ike::ChainBuilder& payloads) {
    ike::write_ke_message(payloads,
                          {.ke = method, .ke_data = ke_->public_value(), .link = kes.link});
  });
  return request(ike::Exchange::ike_followup_ke, first, inner);
}

bool IkeClient::take_followup(const Opened& opened) {
  ike::KeMessage message;
  ike::PayloadType offending = ike::PayloadType::none;
  if (!opened.ok || ike::parse_ke_message(opened.first, opened.inner, message, offending) !=
                        ike::ParseError::none)
    return false;
  Octets shared(crypto::ke_shared_len(ke_->group()));
  if (message.error != 0 || message.ke != kes.suite.additional.at(kes.next_ke) ||
      !ke_->derive(message.ke_data, shared))
    return false;
  kes.more.insert(kes.more.end(), shared.begin(), shared.end());
  kes.link.assign(message.link.begin(), message.link.end());
  kes.next_ke = kes.suite.additional.next(kes.next_ke + 1);
  return kes.link.empty() == (kes.next_ke == ike::AdditionalKes::kMax);
}

Octets IkeClient::child_keymat() {
  Octets made(ike::child_keymat_len(kes.suite));
  ike::derive_child_keys_with_ke(*engine_, suite, keys().sk_d, kes.shared, kes.nonce_i, kes.nonce_r,
                                 made, kes.more);
  return made;
}

void IkeClient::go_on_with_chain() {
  Octets fresh(ike::ike_keymat_len(kes.suite));
  ike::derive_rekeyed_keys(*engine_, suite, keys().sk_d, kes.suite, kes.shared, kes.nonce_i,
                           kes.nonce_r, next_spi_, kes.spi_r, fresh, kes.more);
  keymat = fresh;
  suite = kes.suite;
  spi_i = next_spi_;
  spi_r = kes.spi_r;
  message_id = 0;
  tx_counter = 0;
}

}  // namespace cp
