// Protected messages of an IKE SA, both ways, with fragments where both sides know them
// (RFC 7383), and the letters that carry them to a worker.
#include <algorithm>

#include "controlplane/machine.h"
#include "ike/sk_fragment.h"

namespace cp {

ike::SkOutcome Machine::unprotect(IkeSa& sa, crypto::Bytes message, const ike::Header& header,
                                  ike::OpenedMessage& out) {
  if (sa.fragmentation && header.next_payload == ike::PayloadType::skf && sa.fragments == nullptr)
    sa.fragments = std::make_unique<FragmentStore>();
  ike::Reassembler* reassembler = sa.fragments != nullptr ? &sa.fragments->reassembler : nullptr;
  plaintext_.resize(std::max(message.size(), ike::kReassembledMax));
  const ike::SkReceiver receiver{plane_.engine, sa.suite, sa.key_in(), sa.integ_in()};
  const ike::SkOutcome outcome =
      ike::open_message(receiver, message, header, reassembler, plaintext_, out);
  if (outcome == ike::SkOutcome::opened) sa.fragments.reset();
  return outcome;
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
