// All that the control thread knows of an IKE SA, as text: two texts are equal when nothing has
// changed, and show what did.
#pragma once

#include <fmt/format.h>

#include <string>

#include "controlplane/ike_sa.h"

namespace cp {

// FNV-1a: tells octets apart without showing them.
inline std::uint64_t digest_of(crypto::Bytes octets) {
  std::uint64_t hash = 14695981039346656037u;
  for (const std::uint8_t octet : octets) hash = (hash ^ octet) * 1099511628211u;
  return hash;
}

inline std::uint64_t digest_of(std::span<const Octets> datagrams) {
  std::uint64_t hash = datagrams.size();
  for (const Octets& datagram : datagrams) hash = hash * 31 + digest_of(datagram);
  return hash;
}

inline std::string text_of(const ChildSa& c) {
  return fmt::format(
      "child {:08x} {:08x} suite {}/{}/{} us {} replaced {} delete {} {} {} {} ts {} {}\n",
      c.spi_in.value(), c.spi_out.value(), static_cast<int>(c.suite.encr), c.suite.key_bits,
      static_cast<int>(c.suite.ke), c.we_initiated, c.replaced, c.delete_wanted, c.installed_ms,
      c.rekey_at_ms, c.ends_at_ms, c.ts_local.count, c.ts_remote.count);
}

// What moves on with every request that was authentic, whatever it said.
inline std::string window_text(const IkeSa& sa) {
  return fmt::format("window {} pending {} answer {:x} tx {} heard {}\n",
                     sa.window.next_request().value(), sa.window.answer_pending(),
                     digest_of(sa.window.last_answer()), sa.tx_counter, sa.heard_ms);
}

// Everything else. Keys of an SA whose handshake goes on may be derived by a message that turns out
// to be forged: they follow from what is there.
inline std::string lasting_text(const IkeSa& sa) {
  std::string text =
      fmt::format("{:016x} {:016x} {} us {} suite {} {}\n", sa.spi_i.value(), sa.spi_r.value(),
                  state_name(sa.state), sa.we_initiated, static_cast<int>(sa.suite.encr),
                  sa.handshake != nullptr ? 0 : digest_of(sa.keymat.reveal()));
  text +=
      fmt::format("own {} {} due {} request {:x} asks {} {:08x} {:08x} {:016x} rivals {:x} {:x}\n",
                  sa.window.own_id().value(), sa.window.is_asking(), sa.window.retransmit_at_ms(),
                  digest_of(sa.window.own_request()), static_cast<int>(sa.own.asking),
                  sa.own.child_in.value(), sa.own.collided_in.value(), sa.own.new_ike_spi.value(),
                  sa.own.collided_ike.value(), sa.rival_of.value());
  text += fmt::format("path {} {} {} marker {} nat {} {} fragments {} {} mobike {} adopted {}\n",
                      digest_of(sa.path.peer_octets()), sa.path.peer_port, sa.path.local_port,
                      sa.path.non_esp_marker, sa.nat_here, sa.nat_there, sa.fragmentation,
                      sa.fragments ? sa.fragments->reassembler.octets_held() : 0, sa.mobike,
                      sa.adopted);
  text += fmt::format("handshake {} {:x}\n", sa.handshake != nullptr,
                      sa.handshake ? digest_of(sa.handshake->message2) : 0);
  if (sa.handshake)
    text += fmt::format("intermediates {} next {} {:x} {:x}\n", sa.handshake->intermediates,
                        sa.handshake->next_ke, digest_of(sa.handshake->int_auth_i),
                        digest_of(sa.handshake->int_auth_r));
  if (sa.handshake && sa.handshake->eap)
    text += fmt::format("eap {} {:x} {:x}\n", static_cast<int>(sa.handshake->eap->progress()),
                        digest_of(sa.handshake->eap->request()), digest_of(sa.handshake->proof));
  if (sa.pending_ke)
    text += fmt::format("pending next {} link {:x} more {} ends {}\n", sa.pending_ke->kes.next_ke,
                        digest_of(sa.pending_ke->kes.link), sa.pending_ke->kes.more.size(),
                        sa.pending_ke->kes.ends_at_ms);
  text += fmt::format("connection {} ids {:x} {:x} {:x} lease {:x} {:x} ticket {:x} {}\n",
                      sa.connection, digest_of(sa.peer_id), digest_of(sa.own_id),
                      digest_of(sa.eap_identity), sa.ip4 ? digest_of(*sa.ip4) : 0,
                      sa.ip6 ? digest_of(*sa.ip6) : 0, sa.issuer.value(), sa.serial.value());
  text += fmt::format("times {} {} {} {} {} delete {}\n", sa.created_ms, sa.established_ms,
                      sa.full_auth_s, sa.rekey_at_ms, sa.ends_at_ms, sa.delete_wanted);
  for (const ChildSa& child : sa.children) text += text_of(child);
  return text;
}

inline std::string text_of(const IkeSa& sa) { return lasting_text(sa) + window_text(sa); }

}  // namespace cp
