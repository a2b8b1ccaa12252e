// Rekeys that the gateway begins: its CREATE_CHILD_SA requests, and what their answers mean.
// RFC 7296 §1.3.2-1.3.3, §2.8, §2.25; RFC 9370 §2.2.4.
#include <algorithm>

#include "controlplane/handlers.h"
#include "controlplane/ke_groups.h"
#include "ike/create_child.h"
#include "ike/intermediate.h"
#include "ike/key_schedule.h"
#include "ike/proposal.h"

namespace cp {
namespace {

constexpr std::uint64_t kRetryMs = 10'000;  // after TEMPORARY_FAILURE and the like
constexpr std::uint64_t kRetrySpreadMs = 5'000;
constexpr std::size_t kKeMessageOverhead = 64;  // headers of KE and ADDITIONAL_KEY_EXCHANGE

std::uint64_t retry_ms(Plane& plane) { return kRetryMs + plane.random.below(kRetrySpreadMs); }

Octets fresh_nonce(Plane& plane) {
  Octets nonce(ike::kNonceLen);
  plane.random.fill(nonce);
  return nonce;
}

crypto::Bytes begin_ke(ike::KeId group, OwnRequest& own) {
  const auto known = ke_group(group);
  if (!known) return {};
  own.ke = crypto::KeyExchange::make(*known);
  return own.ke->public_value();
}

// The shared secret of our pair and the peer's value; none when it chose a suite without. False
// when the value is bad or of another group.
bool finish_ke(const OwnRequest& own, const ike::CreateChildAnswer& answer, ike::KeId chosen,
               crypto::SecretBytes& shared) {
  if (chosen == ike::KeId::none) return true;
  if (own.ke == nullptr || !answer.has_ke || ke_group(answer.ke) != own.ke->group()) return false;
  shared = crypto::SecretBytes(crypto::ke_shared_len(own.ke->group()));
  return own.ke->derive(answer.ke_data, shared.fill());
}

// The suites that go with one KE payload: those of its group, and those without.
std::vector<ike::Suite> suites_with(std::span<const ike::Suite> all, ike::KeId group) {
  std::vector<ike::Suite> suites;
  std::ranges::copy_if(all, std::back_inserter(suites), [&](const ike::Suite& s) {
    return s.ke == group || s.ke == ike::KeId::none;
  });
  return suites;
}

bool has_group(std::span<const ike::Suite> suites, ike::KeId group) {
  return std::ranges::find(suites, group, &ike::Suite::ke) != suites.end();
}

// The group to ask with: what the peer demanded, else what is in use, as far as the connection
// still has it; else its first.
ike::KeId group_for(std::span<const ike::Suite> suites, std::optional<ike::KeId> demanded,
                    ike::KeId in_use) {
  if (demanded && has_group(suites, *demanded)) return *demanded;
  if (in_use != ike::KeId::none && has_group(suites, in_use)) return in_use;
  return suites.front().ke;
}

// At once with the group that the peer wants, if the connection has it; a peer that then wants
// another one waits like all others.
bool may_demand(const IkeSa& sa, ike::EspSpi child, ike::KeId group, const Plane& plane) {
  const Connection* connection = plane.policy->connection(sa.connection_id);
  if (connection == nullptr || !ke_group(group)) return false;
  if (child.value() == 0) return !sa.rekey_group && has_group(connection->ike_suites, group);
  const auto old = std::ranges::find(sa.children, child, &ChildSa::spi_in);
  return old != sa.children.end() && !old->rekey_group &&
         has_group(connection->child_suites, group);
}

// Where the peer's own rekey of the same SA has come first, nothing is left to try.
Transition rekey_failed(const IkeSa& sa, const ike::CreateChildAnswer& answer, Plane& plane) {
  if (has_been_rekeyed(sa)) return yield(sa);
  const ike::EspSpi child = sa.own.child_in;  // 0: the IKE SA
  Transition later{.next = sa.state};
  RekeyLater again{.child = child, .after_ms = retry_ms(plane)};
  if (answer.error == static_cast<std::uint16_t>(ike::Notify::invalid_ke_payload) &&
      may_demand(sa, child, answer.wanted_ke, plane))
    again = {.child = child, .after_ms = 0, .group = answer.wanted_ke};
  later.then(again);
  return later;
}

// An answer may narrow what we asked for, not widen it.
void narrow_answer(const IkeSa& sa, const ike::CreateChildAnswer& answer, ChildSa& child) {
  const auto old = std::ranges::find(sa.children, sa.own.child_in, &ChildSa::spi_in);
  if (old == sa.children.end()) return;
  ike::narrow(answer.ts_i, old->ts_local, child.ts_local);
  ike::narrow(answer.ts_r, old->ts_remote, child.ts_remote);
}

// RFC 9370 §2.2.4: how the peer knows later what we go on with.
bool has_link_if_needed(const ike::CreateChildAnswer& answer, const ike::Suite& chosen) {
  return chosen.additional.empty() || !answer.link.empty();
}

bool is_offered(std::span<const ike::Suite> offered, const ike::Suite& suite) {
  return std::ranges::find(offered, suite) != offered.end();
}

// What the answer to our CREATE_CHILD_SA began.
std::unique_ptr<KeChain> chain_of(const IkeSa& sa, const ike::CreateChildAnswer& made,
                                  const ike::Choice& choice, crypto::SecretBytes shared,
                                  const Plane& plane) {
  auto kes = std::make_unique<KeChain>();
  kes->suite = choice.suite;
  kes->next_ke = choice.suite.additional.next(0);
  kes->link.assign(made.link.begin(), made.link.end());
  kes->shared = std::move(shared);
  kes->nonce_i = sa.own.nonce;
  kes->nonce_r.assign(made.nonce.begin(), made.nonce.end());
  kes->ends_at_ms = plane.now.ms + kFollowupKeMs;
  return kes;
}

// The same after one more key exchange.
std::unique_ptr<KeChain> longer_chain(const KeChain& kes, const ike::KeMessage& message,
                                      crypto::Bytes secret) {
  auto longer = std::make_unique<KeChain>();
  longer->suite = kes.suite;
  longer->next_ke = kes.suite.additional.next(kes.next_ke + 1);
  longer->link.assign(message.link.begin(), message.link.end());
  longer->shared = crypto::SecretBytes(kes.shared.reveal());
  longer->more = join_secrets(kes.more.reveal(), secret);
  longer->nonce_i = kes.nonce_i;
  longer->nonce_r = kes.nonce_r;
  longer->child = kes.child;
  longer->peer_spi = kes.peer_spi;
  longer->own_spi = kes.own_spi;
  longer->ends_at_ms = kes.ends_at_ms;
  return longer;
}

bool is_complete(const KeChain& kes) { return kes.next_ke == ike::AdditionalKes::kMax; }

Transition ask_ke(const IkeSa& sa, std::unique_ptr<KeChain> kes) {
  const ike::KeId method = kes->suite.additional.at(kes->next_ke);
  OwnRequest own{.asking = sa.own.asking,
                 .child_in = sa.own.child_in,
                 .new_spi = sa.own.new_spi,
                 .new_ike_spi = sa.own.new_ike_spi,
                 .nonce = sa.own.nonce,
                 .offered = sa.own.offered,
                 .collided_in = sa.own.collided_in,
                 .collided_ike = sa.own.collided_ike,
                 .collided_nonce = sa.own.collided_nonce};
  const crypto::Bytes ke = begin_ke(method, own);
  CHECK(own.ke != nullptr);  // nothing else was offered
  Octets inner(ke.size() + kes->link.size() + kKeMessageOverhead);
  crypto::ByteWriter writer(inner);
  ike::ChainBuilder chain(writer);
  ike::write_ke_message(chain, {.ke = method, .ke_data = ke, .link = kes->link});
  CHECK(writer.ok());
  inner.resize(writer.size());
  own.kes = std::move(kes);
  Transition asks{.next = sa.state};
  asks.then(AskKe{.own = std::move(own), .first = chain.first_type(), .inner = std::move(inner)});
  return asks;
}

}  // namespace

OwnRequest begin_child_rekey(const ChildSa& child, const Connection& connection, Plane& plane,
                             ike::ChainBuilder& request) {
  const std::vector<ike::Suite> usable = usable_suites(connection.child_suites);
  if (usable.empty()) return {};
  OwnRequest own{.asking = Asking::rekey_child,
                 .child_in = child.spi_in,
                 .new_spi = plane.workers.new_child_spi(child.worker, plane.random),
                 .nonce = fresh_nonce(plane)};
  const ike::KeId group = group_for(usable, child.rekey_group, child.suite.ke);
  own.offered = suites_with(usable, group);
  const crypto::Bytes ke = begin_ke(group, own);
  ike::write_create_child_offer(request, {.kind = ike::CreateChildKind::rekey_child,
                                          .rekey_spi = child.spi_in,
                                          .suites = own.offered,
                                          .child_spi = own.new_spi,
                                          .nonce = own.nonce,
                                          .ke = own.ke ? group : ike::KeId::none,
                                          .ke_data = ke,
                                          .ts_i = &child.ts_local,
                                          .ts_r = &child.ts_remote});
  return own;
}

Transition on_child_rekeyed(const IkeSa& sa, const Answer& answer, Plane& plane) {
  const OwnRequest& own = sa.own;
  ike::CreateChildAnswer made;
  if (ike::parse_create_child_answer(answer.first, answer.inner, made) != ike::ParseError::none) {
    ++plane.counters.malformed;
    return rekey_failed(sa, {}, plane);
  }
  if (made.error == static_cast<std::uint16_t>(ike::Notify::child_sa_not_found)) {
    // The peer has deleted it; so it is gone here too.
    Transition gone{.next = sa.state};
    gone.then(RemoveChild{own.child_in});
    return gone;
  }
  ike::Choice choice;
  crypto::SecretBytes shared;
  if (made.error != 0 || !made.has_ts ||
      ike::read_chosen(made.sa, ike::Protocol::esp, choice) != ike::ParseError::none ||
      !is_offered(own.offered, choice.suite) || choice.spi.size() != 4 ||
      !has_link_if_needed(made, choice.suite) || !finish_ke(own, made, choice.suite.ke, shared))
    return rekey_failed(sa, made, plane);

  auto kes = chain_of(sa, made, choice, std::move(shared), plane);
  ChildSa& child = kes->child;
  child.spi_in = own.new_spi;
  child.spi_out = ike::EspSpi(crypto::load_be32(choice.spi.data()));
  child.suite = choice.suite;
  child.we_initiated = true;
  narrow_answer(sa, made, child);
  return is_complete(*kes) ? child_made_by_us(sa, *kes, plane) : ask_ke(sa, std::move(kes));
}

OwnRequest begin_ike_rekey(const IkeSa& sa, const Connection& connection, Plane& plane,
                           ike::ChainBuilder& request) {
  const std::vector<ike::Suite> usable = usable_suites(connection.ike_suites);
  if (usable.empty()) return {};
  OwnRequest own{.asking = Asking::rekey_ike,
                 .new_ike_spi = plane.workers.new_control_spi(plane.random),
                 .nonce = fresh_nonce(plane)};
  const ike::KeId group = group_for(usable, sa.rekey_group, sa.suite.ke);
  own.offered = suites_with(usable, group);
  const crypto::Bytes ke = begin_ke(group, own);
  ike::write_create_child_offer(request, {.kind = ike::CreateChildKind::rekey_ike,
                                          .suites = own.offered,
                                          .ike_spi = own.new_ike_spi,
                                          .nonce = own.nonce,
                                          .ke = group,
                                          .ke_data = ke});
  return own;
}

Transition on_ike_rekeyed(const IkeSa& sa, const Answer& answer, Plane& plane) {
  const OwnRequest& own = sa.own;
  ike::CreateChildAnswer made;
  const bool readable =
      ike::parse_create_child_answer(answer.first, answer.inner, made) == ike::ParseError::none;
  ike::Choice choice;
  crypto::SecretBytes shared;
  if (!readable || made.error != 0 ||
      ike::read_chosen(made.sa, ike::Protocol::ike, choice) != ike::ParseError::none ||
      !is_offered(own.offered, choice.suite) || choice.spi.size() != 8 ||
      choice.suite.ke == ike::KeId::none || !has_link_if_needed(made, choice.suite) ||
      !finish_ke(own, made, choice.suite.ke, shared))
    return rekey_failed(sa, made, plane);
  auto kes = chain_of(sa, made, choice, std::move(shared), plane);
  kes->peer_spi = ike::IkeSpi(crypto::load_be64(choice.spi.data()));
  kes->own_spi = own.new_ike_spi;
  return is_complete(*kes) ? ike_made_by_us(sa, *kes, plane) : ask_ke(sa, std::move(kes));
}

Transition on_followup_answered(const IkeSa& sa, const Answer& answer, Plane& plane) {
  const OwnRequest& own = sa.own;
  const KeChain& kes = *own.kes;
  ike::KeMessage message;
  ike::PayloadType offending = ike::PayloadType::none;
  const bool readable = ike::parse_ke_message(answer.first, answer.inner, message, offending) ==
                        ike::ParseError::none;
  const bool is_last = kes.suite.additional.next(kes.next_ke + 1) == ike::AdditionalKes::kMax;
  crypto::SecretBytes secret(crypto::ke_shared_len(own.ke->group()));
  if (!readable || message.error != 0 || plane.now.ms >= kes.ends_at_ms ||
      message.ke != kes.suite.additional.at(kes.next_ke) || (!is_last && message.link.empty()) ||
      !own.ke->derive(message.ke_data, secret.fill())) {
    // STATE_NOT_FOUND, or what the peer should not have said: all of it again, later.
    ++plane.counters.followup_ke_lost;
    return rekey_failed(sa, {}, plane);
  }
  ++plane.counters.followup_kes;
  auto longer = longer_chain(kes, message, secret.reveal());
  if (!is_complete(*longer)) return ask_ke(sa, std::move(longer));
  return own.asking == Asking::rekey_ike ? ike_made_by_us(sa, *longer, plane)
                                         : child_made_by_us(sa, *longer, plane);
}

}  // namespace cp
