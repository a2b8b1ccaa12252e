// EAP of a PlaneWorld: what clients say in its rounds, and what the RADIUS server makes of them.
#include <algorithm>

#include "tests/controlplane/plane_world.h"

namespace cp {
namespace {

using support::RadiusAnswerBuilder;
using support::RadiusQuestion;

constexpr std::uint8_t kRequest = 1, kResponse = 2, kSuccess = 3, kFailure = 4;  // RFC 3748 §4
constexpr std::uint8_t kIdentity = 1, kMethod = 26;
constexpr std::uint8_t kEapMessage = 79;  // RFC 3579 §3.1
constexpr std::size_t kQuestionsMax = 16;
const Octets kMsk(64, 9);

Octets packet_of(std::uint8_t code, std::uint8_t id, const Octets& body) {
  Octets packet{code, id, 0, static_cast<std::uint8_t>(4 + body.size())};
  packet.insert(packet.end(), body.begin(), body.end());
  return packet;
}

// What the packet asks for: the identity, or another round of the method.
Octets response_to(const Octets& packet) {
  const bool identity = packet.size() > 4 && packet[4] == kIdentity;
  return packet_of(kResponse, packet.size() > 1 ? packet[1] : std::uint8_t{0},
                   identity ? Octets{kIdentity, 'u'} : Octets{kMethod, 'y'});
}

}  // namespace

// As far as `how` says and with nothing altered, which random octets would hardly come to.
void PlaneWorld::begin_eap(Peer& p) {
  const std::uint8_t how = arg();
  start(p, {}, how % 2 == 0 ? "asking.example.org" : "told.example.org");
  for (unsigned step = 0; step < how / 2 % 8; ++step) step_eap(p, step > 2);
}

// Whoever has the word says what leads on.
void PlaneWorld::step_eap(Peer& p, bool accepts) {
  const IkeSa* sa = sa_of(p);
  if (sa == nullptr) return;
  p.client->message_id = sa->window.next_request().value();
  if (p.stage == Stage::initiated) {
    p.stage = Stage::eap;
    take_eap(deliver(p.client->auth(), p.path));
  } else if (p.stage != Stage::eap) {
    return;
  } else if (sa->window.answer_pending()) {
    hear_questions();
    if (!questions_.empty()) reply(questions_.back(), accepts ? 4 : 0, 20);
  } else if (!p.eap.empty() && p.eap[0] == kSuccess) {
    say_last_auth(p, kMsk);
  } else {
    respond(p, response_to(p.eap));
  }
}

void PlaneWorld::respond(Peer& p, const Octets& packet) {
  take_eap(deliver(p.client->eap_response(packet), p.path));
}

// The next EAP packet of whom it concerns; an answer may come long after its request.
void PlaneWorld::take_eap(const std::vector<Octets>& answers) {
  for (Peer& p : peers_) {
    if (p.stage != Stage::eap) continue;
    std::vector<Octets> own;
    std::ranges::copy_if(answers, std::back_inserter(own), [&](const Octets& message) {
      ike::Header header;
      return ike::parse_header(message, header) == ike::ParseError::none &&
             header.spi_i == p.client->spi_i && header.spi_r == p.client->spi_r;
    });
    if (own.empty() || !p.client->take_eap(own)) continue;
    const crypto::Bytes packet = p.client->auth_answer.eap;
    p.eap.assign(packet.begin(), packet.end());
  }
}

void PlaneWorld::say_eap(Peer& p) {
  if (p.stage != Stage::eap) return;
  const std::uint8_t how = arg();
  prepare(p);
  Octets packet = response_to(p.eap);
  switch (how % 8) {
    case 0:
      ++packet[1];  // answers another request
      break;
    case 1:
      packet[0] = kRequest;
      break;
    case 2:
      packet = packet_of(kResponse, packet[1], octets_of_arg());
      break;
    case 3:
      packet = octets_of_arg();
      break;
    default:
      break;
  }
  respond(p, packet);
}

void PlaneWorld::finish_eap(Peer& p) {
  if (p.stage != Stage::eap) return;
  const std::uint8_t how = arg();
  prepare(p);
  say_last_auth(p, how % 8 == 7 ? Octets(64, 8) : kMsk);
}

void PlaneWorld::say_last_auth(Peer& p, const Octets& msk) {
  const auto answers = deliver(p.client->last_auth(msk), p.path);
  if (answers.empty() || !p.client->take_auth(answers)) return;
  p.stage = Stage::up;
  ++eap_connected_;
}

void PlaneWorld::hear_questions() {
  while (auto question = server_.receive()) {
    CHECK(question->is_right(kRadiusSecret));
    if (questions_.size() == kQuestionsMax) questions_.erase(questions_.begin());
    questions_.push_back(std::move(*question));
  }
}

// One of the latest questions, which may have been answered already, or given up. It also may be
// lost.
void PlaneWorld::answer_radius(Peer&) {
  hear_questions();
  if (questions_.empty()) return;
  const std::size_t which = questions_.size() - 1 - arg() % questions_.size();
  const std::uint8_t how = arg(), id = arg();
  if (how % 16 == 15) {
    questions_.erase(questions_.begin() + static_cast<std::ptrdiff_t>(which));
    return;
  }
  const RadiusQuestion question = questions_[which];
  reply(question, how, id);
}

void PlaneWorld::reply(const RadiusQuestion& question, std::uint8_t how, std::uint8_t id) {
  const Octets asked = question.attribute(kEapMessage).value();
  const bool accepts = how / 4 % 4 == 1, rejects = how / 4 % 4 == 2;
  RadiusAnswerBuilder answer(accepts   ? RadiusCode::access_accept
                             : rejects ? RadiusCode::access_reject
                                       : RadiusCode::access_challenge,
                             question.exchange(kRadiusSecret));
  if (accepts)
    answer.eap(packet_of(kSuccess, static_cast<std::uint8_t>(asked[1] + how / 128), {}));
  else if (rejects)
    answer.eap(packet_of(kFailure, asked[1], {}));
  else
    answer.add(24, "state")
        .eap(how / 4 % 4 == 3 ? octets_of_arg() : packet_of(kRequest, id, {kMethod, 'h'}));
  if (accepts && how % 4 != 3) answer.msk(how % 4 == 2 ? Octets(64, 7) : kMsk);
  Octets datagram = answer.sign();
  if (how / 16 % 8 == 7) datagram[id % datagram.size()] ^= 1;  // forged
  server_.send(question, datagram);
  RadiusClient& radius = *rig_.plane().radius();
  for (const int fd : radius.fds()) radius.on_readable(fd, rig_.now().ms);
  take_eap(serve());
}

}  // namespace cp
