// The UDP ports towards RADIUS servers, against a socket on the loopback interface.
#include "controlplane/radius_socket.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/radius_peer.h"

namespace cp {
namespace {

TEST(RadiusSocket, CarriesDatagramsBothWays) {
  for (const bool ip6 : {false, true}) {
    support::RadiusServerSocket server(ip6);
    auto socket = RadiusSocket::open(server.address(), server.port());
    ASSERT_TRUE(socket);
    EXPECT_TRUE(socket->send(support::Octets{1, 2, 3}));
    const auto question = server.receive();
    ASSERT_TRUE(question);
    EXPECT_EQ(question->octets, (support::Octets{1, 2, 3}));
    support::Octets buffer(kRadiusPacketMax);
    EXPECT_FALSE(socket->receive(buffer));
    server.send(*question, support::Octets{4});
    const auto answer = socket->receive(buffer);
    ASSERT_TRUE(answer);
    EXPECT_EQ(support::to_hex(*answer), "04");
    EXPECT_FALSE(socket->receive(buffer));
  }
}

TEST(RadiusSocket, HearsNobodyButItsServer) {
  support::RadiusServerSocket server, stranger;
  auto socket = RadiusSocket::open(server.address(), server.port());
  ASSERT_TRUE(socket);
  ASSERT_TRUE(socket->send(support::Octets{1}));
  stranger.send(*server.receive(), support::Octets{9});
  support::Octets buffer(64);
  EXPECT_FALSE(socket->receive(buffer));
}

TEST(RadiusSocket, LivesThroughAServerThatIsNotThere) {
  auto server = std::make_unique<support::RadiusServerSocket>();
  auto socket = RadiusSocket::open(server->address(), server->port());
  server.reset();
  ASSERT_TRUE(socket);
  support::Octets buffer(64);
  for (int i = 0; i < 3; ++i) {  // each is answered by "port unreachable"
    EXPECT_TRUE(socket->send(support::Octets{1}));
    EXPECT_TRUE(socket->send(support::Octets{2}));
    EXPECT_FALSE(socket->receive(buffer));
  }
}

TEST(RadiusSocket, HandsOutWhatCameBeforeTheServerWent) {
  auto server = std::make_unique<support::RadiusServerSocket>();
  auto socket = RadiusSocket::open(server->address(), server->port());
  ASSERT_TRUE(socket && socket->send(support::Octets{1}));
  server->send(*server->receive(), support::Octets{5});
  server.reset();
  ASSERT_TRUE(socket->send(support::Octets{2}));
  support::Octets buffer(64);
  const auto answer = socket->receive(buffer);
  ASSERT_TRUE(answer);
  EXPECT_EQ(support::to_hex(*answer), "05");
}

TEST(RadiusSocket, GivesEachIdentifierToOneOwner) {
  crypto::Random random(1);
  auto socket = RadiusSocket::open(ike::Ip4{127, 0, 0, 1}, 1812);
  ASSERT_TRUE(socket);
  std::set<std::uint8_t> ids;
  bool in_order = true;
  for (std::uint64_t owner = 1; owner <= 256; ++owner) {
    const auto id = socket->take_id(owner, random);
    ASSERT_TRUE(id);
    EXPECT_EQ(socket->owner(*id), owner);
    in_order = in_order && *id == owner - 1;
    ids.insert(*id);
  }
  EXPECT_EQ(ids.size(), 256u);
  EXPECT_FALSE(in_order);
  EXPECT_FALSE(socket->take_id(257, random));
  socket->free_id(77);
  EXPECT_EQ(socket->owner(77), 0u);
  EXPECT_EQ(socket->taken(), 255u);
  EXPECT_EQ(socket->take_id(258, random), 77);
}

}  // namespace
}  // namespace cp
