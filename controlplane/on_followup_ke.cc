// IKE_FOLLOWUP_KE requests: the additional key exchanges of the peer's CREATE_CHILD_SA, one each,
// and what is made after the last. RFC 9370 §2.2.4.
#include <algorithm>

#include "controlplane/handlers.h"
#include "controlplane/ke_groups.h"
#include "ike/intermediate.h"

namespace cp {
namespace {

constexpr std::size_t kLinkLen = 8;

Transition give_up(const IkeSa& sa, ike::Notify why, Plane& plane, ike::ChainBuilder& answer) {
  ++plane.counters.followup_ke_lost;
  Transition refused = refuse(sa, why, answer);
  refused.then(ForgetKe{});
  return refused;
}

bool is_expected(const IkeSa& sa, const ike::KeMessage& message) {
  return sa.state == SaState::established && !sa.delete_wanted && sa.pending_ke != nullptr &&
         message.has_link && std::ranges::equal(message.link, sa.pending_ke->kes.link);
}

Transition finish_child(const IkeSa& sa, const PendingKe& pending, crypto::Bytes more,
                        const ike::KeMessageContent& content, Plane& plane,
                        ike::ChainBuilder& answer) {
  const bool old_is_gone =
      pending.replaces.value() != 0 &&
      std::ranges::find(sa.children, pending.replaces, &ChildSa::spi_in) == sa.children.end();
  // The peer or we deleted meanwhile what was to be replaced.
  if (old_is_gone) return give_up(sa, ike::Notify::state_not_found, plane, answer);
  if (sa.children.size() >= kChildrenMax)
    return give_up(sa, ike::Notify::no_additional_sas, plane, answer);
  ike::write_ke_message(answer, content);
  Transition done = child_made_by_peer(sa, pending, more, plane);
  done.then(ForgetKe{});
  return done;
}

Transition finish_ike(const IkeSa& sa, const PendingKe& pending, crypto::Bytes more,
                      ike::KeMessageContent content, Plane& plane, ike::ChainBuilder& answer) {
  const Connection* connection = plane.policy->connection(sa.connection_id);
  if (connection == nullptr) return give_up(sa, ike::Notify::no_additional_sas, plane, answer);
  IkeMadeByPeer made = ike_made_by_peer(sa, *connection, pending, more, plane);
  made.ticket.put_into(content);
  ike::write_ke_message(answer, content);
  made.done.then(ForgetKe{});
  return std::move(made.done);
}

}  // namespace

Octets fresh_link(Plane& plane) {
  Octets link(kLinkLen);
  plane.random.fill(link);
  return link;
}

crypto::SecretBytes join_secrets(crypto::Bytes a, crypto::Bytes b) {
  crypto::SecretBytes joined(a.size() + b.size());
  std::ranges::copy(a, joined.fill().begin());
  std::ranges::copy(b, joined.fill().subspan(a.size()).begin());
  return joined;
}

Transition on_followup_ke(const IkeSa& sa, const Request& request, Plane& plane,
                          ike::ChainBuilder& answer) {
  ike::KeMessage message;
  ike::PayloadType offending = ike::PayloadType::none;
  const ike::ParseError error =
      ike::parse_ke_message(request.first, request.inner, message, offending);
  if (error != ike::ParseError::none) return refuse_malformed(sa, error, offending, plane, answer);
  if (!is_expected(sa, message)) return refuse(sa, ike::Notify::state_not_found, answer);
  const PendingKe& pending = *sa.pending_ke;
  const KeChain& kes = pending.kes;
  const auto group = ke_group(message.ke);
  if (!group || message.ke != kes.suite.additional.at(kes.next_ke))
    return give_up(sa, ike::Notify::invalid_syntax, plane, answer);
  Octets ke;
  crypto::SecretBytes secret(crypto::ke_shared_len(*group));
  if (!crypto::KeyExchange::respond(*group, message.ke_data, ke, secret.fill()))
    return give_up(sa, ike::Notify::invalid_syntax, plane, answer);
  ++plane.counters.followup_kes;
  ike::KeMessageContent content{.ke = message.ke, .ke_data = ke};
  if (kes.suite.additional.next(kes.next_ke + 1) == ike::AdditionalKes::kMax) {
    const crypto::SecretBytes more = join_secrets(kes.more.reveal(), secret.reveal());
    return pending.is_ike ? finish_ike(sa, pending, more.reveal(), content, plane, answer)
                          : finish_child(sa, pending, more.reveal(), content, plane, answer);
  }
  Octets link = fresh_link(plane);
  content.link = link;
  ike::write_ke_message(answer, content);
  Transition goes_on{.next = sa.state};
  goes_on.then(AdvanceKe{.secret = std::move(secret), .link = std::move(link)});
  return goes_on;
}

}  // namespace cp
