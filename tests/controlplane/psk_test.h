// PskTest: a control plane with one PSK connection and a client that knows the PSK.
#pragma once

#include <gtest/gtest.h>

#include "tests/controlplane/ike_client.h"
#include "tests/controlplane/plane_rig.h"

namespace cp {

inline constexpr const char* kPskForAll =
    "[connections.rw]\nproposals = 'aes256gcm16-prfsha256-x25519'\n"
    "[connections.rw.local]\nauth = 'psk'\nid = 'gw.example.org'\n"
    "[connections.rw.remote]\nauth = 'psk'\n"
    "[secrets.ike-all]\nsecret = 'secret'\n";

inline std::uint16_t number(ike::Notify n) { return static_cast<std::uint16_t>(n); }

class PskTest : public testing::Test {
 protected:
  explicit PskTest(const std::string& connections = kPskForAll) : rig(connections) {}

  bool init() {
    const auto answers = rig.exchange(client.sa_init(), path);
    return answers.size() == 1 && client.take_sa_init(answers[0]);
  }
  bool connect() {
    if (!init()) return false;
    const auto answers = rig.exchange(client.auth(), path);
    return client.take_auth(answers) && rig.sa(client.spi_r) != nullptr &&
           rig.sa(client.spi_r)->state == SaState::established;
  }
  IkeClient::Opened ask(const Octets& request) { return client.open(rig.exchange(request, path)); }
  // What the gateway asks now: its one new message, opened.
  IkeClient::Opened asked() {
    const std::size_t before = rig.sent.size();
    rig.serve();
    if (rig.sent.size() != before + 1) return {};
    return client.open({rig.sent.back().message});
  }
  ike::Informational informational(const IkeClient::Opened& opened) {
    ike::Informational message;
    ike::PayloadType offending;
    EXPECT_EQ(ike::parse_informational(opened.first, opened.inner, message, offending),
              ike::ParseError::none);
    return message;
  }

  PlaneRig rig;
  IkeClient client;
  dp::PeerPath path = rig_path();
};

}  // namespace cp
