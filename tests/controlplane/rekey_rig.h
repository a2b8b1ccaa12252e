// Rekey, RekeyWithKes: a gateway that rekeys, and a client that answers its CREATE_CHILD_SA.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "controlplane/handlers.h"
#include "controlplane/ke_groups.h"
#include "ike/proposal.h"
#include "tests/controlplane/psk_test.h"

namespace cp {

class Rekey : public PskTest {
 protected:
  explicit Rekey(const std::string& connections = kPskForAll) : PskTest(connections) {}
  // What the client answers to the gateway's CREATE_CHILD_SA: the same again with its own nonce.
  Octets take_offer(const IkeClient::Opened& asked, ike::EspSpi new_in, ike::IkeSpi new_spi) {
    ike::CreateChildRequest request;
    ike::PayloadType offending;
    EXPECT_EQ(ike::parse_create_child_request(asked.first, asked.inner, request, offending),
              ike::ParseError::none);
    kind = request.kind;
    rekey_spi = request.rekey_spi;
    const bool is_ike = kind == ike::CreateChildKind::rekey_ike;
    ike::Choice choice;
    bool fits = false;
    EXPECT_TRUE(ike::choose_with_ke(request.sa, is_ike ? ike::Protocol::ike : ike::Protocol::esp,
                                    is_ike ? client.suites : client.esp_suites, request.ke,
                                    ike::KePolicy::strict, choice, fits));
    nonce.assign(32, nonce_octet);
    offered_nonce.assign(request.nonce.begin(), request.nonce.end());
    if (is_ike) offered_spi = ike::IkeSpi(crypto::load_be64(choice.spi.data()));
    Octets ke;
    if (choice.suite.ke != ike::KeId::none) {
      const crypto::KeGroup group = *ke_group(choice.suite.ke);
      shared_secret.resize(crypto::ke_shared_len(group));
      EXPECT_TRUE(crypto::KeyExchange::respond(group, request.ke_data, ke, shared_secret));
    }
    Octets inner(4096);
    crypto::ByteWriter writer(inner);
    ike::ChainBuilder chain(writer);
    ike::write_create_child_response(chain, {.is_ike = is_ike,
                                             .proposal_number = choice.proposal_number,
                                             .suite = choice.suite,
                                             .child_spi = new_in,
                                             .ike_spi = new_spi,
                                             .nonce = nonce,
                                             .ke_data = ke,
                                             .ts_i = is_ike ? nullptr : &request.ts_i,
                                             .ts_r = is_ike ? nullptr : &request.ts_r,
                                             .link = link});
    inner.resize(writer.size());
    return client.answer(asked.header, chain.first_type(), inner);
  }
  Octets refusal(const IkeClient::Opened& asked, ike::Notify why) {
    Octets inner(64);
    crypto::ByteWriter writer(inner);
    ike::ChainBuilder chain(writer);
    chain.notify(why);
    inner.resize(writer.size());
    return client.answer(asked.header, chain.first_type(), inner);
  }
  IkeSa& sa() { return *rig.sa(client.spi_r); }

  ike::CreateChildKind kind{};
  ike::EspSpi rekey_spi;
  Octets nonce, offered_nonce, shared_secret;
  ike::IkeSpi offered_spi;
  Octets link;  // of our answers
  std::uint8_t nonce_octet = 0x55;
};

// The gateway rekeys with several key exchanges: RFC 9370 §2.2.4.
class RekeyWithKes : public Rekey {
 protected:
  RekeyWithKes()
      : Rekey(
            "[connections.rw]\nproposals = 'aes256gcm16-prfsha256-x25519-ke1_ecp256-ke4_ecp384'\n"
            "[connections.rw.local]\nauth = 'psk'\nid = 'gw.example.org'\n"
            "[connections.rw.remote]\nauth = 'psk'\n"
            "[secrets.ike-all]\nsecret = 'secret'\n") {
    client.suites[0].additional.set(0, ike::KeId::ecp_256);
    client.suites[0].additional.set(3, ike::KeId::ecp_384);
  }
  bool connect_with_kes() {
    if (!init()) return false;
    for (int i = 0; i < 2; ++i)
      if (!client.take_intermediate(rig.exchange(client.intermediate().at(0), path))) return false;
    if (!client.take_auth(rig.exchange(client.auth(), path))) return false;
    client.esp_suites = {client.esp_suites[0]};
    client.esp_suites[0].ke = ike::KeId::curve25519;
    client.esp_suites[0].additional = client.suites[0].additional;
    return true;
  }
  // What the client answers to IKE_FOLLOWUP_KE.
  Octets take_followup(const IkeClient::Opened& asked, const Octets& next_link) {
    EXPECT_EQ(asked.header.exchange, ike::Exchange::ike_followup_ke);
    ike::KeMessage message;
    ike::PayloadType offending = ike::PayloadType::none;
    EXPECT_EQ(ike::parse_ke_message(asked.first, asked.inner, message, offending),
              ike::ParseError::none);
    EXPECT_TRUE(std::ranges::equal(message.link, link));
    methods.push_back(message.ke);
    Octets ke, shared(crypto::ke_shared_len(*ke_group(message.ke)));
    EXPECT_TRUE(crypto::KeyExchange::respond(*ke_group(message.ke), message.ke_data, ke, shared));
    more.insert(more.end(), shared.begin(), shared.end());
    link = next_link;
    Octets inner(1024);
    crypto::ByteWriter writer(inner);
    ike::ChainBuilder chain(writer);
    ike::write_ke_message(chain, {.ke = message.ke, .ke_data = ke, .link = next_link});
    inner.resize(writer.size());
    return client.answer(asked.header, chain.first_type(), inner);
  }
  // Both, and what the gateway says then.
  IkeClient::Opened follow() {
    auto next = answered(take_followup(last, {7, 7}));
    return answered(take_followup(next, {}));
  }
  IkeClient::Opened answered(const Octets& answer) {
    const auto sent = rig.exchange(answer, path);
    last = sent.empty() ? IkeClient::Opened{} : client.open({sent.back()});
    return last;
  }

  IkeClient::Opened last;
  Octets more;
  std::vector<ike::KeId> methods;
};

}  // namespace cp
