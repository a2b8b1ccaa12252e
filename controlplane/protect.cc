// Protected messages of an IKE SA, both ways, with fragments where both sides know them
// (RFC 7383), and the letters that carry them to a worker.
#include <algorithm>

#include "controlplane/machine.h"
#include "ike/sk_fragment.h"

namespace cp {

ike::SkOutcome Machine::unprotect(IkeSa& sa, crypto::Bytes message, const ike::Header& header,
                                  ike::OpenedMessage& out) {
  ike::Reassembler* reassembler = nullptr;
  if (sa.fragmentation && header.next_payload == ike::PayloadType::skf) {
    if (!may_store_fragment(sa)) return ike::SkOutcome::redundant;
    reassembler = &sa.fragments->reassembler;
  }
  const ike::SkReceiver receiver{plane_.engine, sa.suite, sa.key_in(), sa.integ_in()};
  const ike::SkOutcome outcome =
      ike::open_message(receiver, message, header, reassembler, plaintext_, out);
  // Nothing is kept for what was not authentic, or is complete.
  if (sa.fragments != nullptr && sa.fragments->reassembler.is_empty()) drop_fragments(sa);
  return outcome;
}

// Without keeping anything of it: a reassembler without memory gives every fragment up.
bool Machine::is_authentic(const IkeSa& sa, crypto::Bytes message, const ike::Header& header) {
  ike::Reassembler none{crypto::MutBytes()};
  ike::OpenedMessage opened;
  // RFC 9370 §2.2.2: a request that changed the keys comes again under those before.
  const bool former = sa.handshake != nullptr && sa.handshake->former_id != ike::MessageId() &&
                      sa.handshake->former_id == header.message_id;
  const ike::IkeKeys old =
      ike::split_ike_keymat(sa.suite, (former ? sa.handshake->former_keymat : sa.keymat).reveal());
  const ike::SkReceiver receiver{plane_.engine, sa.suite, former ? old.sk_ei : sa.key_in(),
                                 former ? old.sk_ai : sa.integ_in()};
  const ike::SkOutcome outcome = ike::open_message(
      receiver, message, header, sa.fragmentation ? &none : nullptr, plaintext_, opened);
  crypto::secure_zero(crypto::MutBytes(plaintext_).first(message.size()));
  return outcome != ike::SkOutcome::dropped;
}

bool Machine::may_store_fragment(IkeSa& sa) {
  if (sa.fragments != nullptr) return true;
  const bool stranger = !is_authenticated(sa.state);
  if (fragment_stores_ >= (stranger ? kStrangersFragmentStoresMax : kFragmentStoresMax)) {
    ++plane_.counters.fragments_limit;
    return false;
  }
  sa.fragments = std::make_unique<FragmentStore>();
  sa.fragments->since_ms = plane_.now.ms;
  ++fragment_stores_;
  schedule(sa);  // it is dropped in time even if the SA has nothing else to do
  return true;
}

void Machine::drop_fragments(IkeSa& sa) {
  if (sa.fragments == nullptr) return;
  sa.fragments.reset();
  --fragment_stores_;
}

Datagrams Machine::protect(IkeSa& sa, const ike::Header& header, ike::PayloadType first,
                           crypto::Bytes inner) {
  const ike::Suite suite = sa.suite;
  const ike::SkSender sender{plane_.engine, plane_.random,  suite,
                             sa.key_out(),  sa.integ_out(), sa.tx_counter};
  const std::size_t message_max = sa.fragmentation ? ike::kFragmentMessageMax : dp::kSeamMessageMax;
  const std::size_t count = ike::fragment_count(suite, inner.size(), message_max);
  Datagrams datagrams;
  if (!sa.fragmentation && count != 1) return datagrams;
  for (std::size_t number = 1; number <= count; ++number) {
    Octets datagram(std::min(message_max, inner.size() + kSkOverheadMax));
    datagram.resize(
        ike::seal_fragment(sender, header, first, inner, message_max, number, datagram));
    CHECK(!datagram.empty());
    datagrams.push_back(std::move(datagram));
  }
  return datagrams;
}

void Machine::send(unsigned worker, const dp::PeerPath& path, crypto::Bytes message) {
  dp::Order* letter = plane_.workers.claim_order(worker);
  if (letter == nullptr || message.size() > letter->message.size()) {
    ++plane_.counters.orders_lost;  // the peer's retransmission, or ours, sends it again
    return;
  }
  letter->kind = dp::OrderKind::transmit;
  letter->path = path;
  letter->message_len = static_cast<std::uint16_t>(message.size());
  std::ranges::copy(message, letter->message.begin());
  plane_.workers.send_order(worker);
}

void Machine::send_all(const IkeSa& sa, const dp::PeerPath& path,
                       std::span<const Octets> datagrams) {
  for (const Octets& datagram : datagrams) send(sa.worker, path, datagram);
}

}  // namespace cp
