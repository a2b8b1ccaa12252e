// OrderBox: letters to workers that must arrive. What a worker has to know of SAs (a Child SA
// comes, moves, goes; a place is free) waits here while the ring is full, in its order; a message
// to be sent does not, because retransmission replaces it. Control thread only.
#pragma once

#include <deque>
#include <vector>

#include "controlplane/workers.h"

namespace cp {

class OrderBox {
 public:
  explicit OrderBox(Workers& workers) : workers_(workers) {}
  ~OrderBox();
  OrderBox(const OrderBox&) = delete;
  OrderBox& operator=(const OrderBox&) = delete;

  // All of an order but its message.
  struct Letter {
    dp::OrderKind kind;
    dp::PeerPath path;
    ike::IkeSpi spi_r;
    dp::ChildInstall child;
  };
  // True: it went at once; false: it waits. Wipes the letter's keys.
  bool post(unsigned worker, Letter& letter);
  // Tries again what waits; called in every round.
  void flush();
  std::size_t waiting() const;

 private:
  bool send(unsigned worker, Letter& letter);

  Workers& workers_;
  std::vector<std::deque<Letter>> waiting_;  // by worker
};

}  // namespace cp
