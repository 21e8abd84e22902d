"""The main job, shown on real parts: two live sessions through one move, without us and with us (``make demo``)."""
