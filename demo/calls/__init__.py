"""Calls of real user agents (sipp) in the lab, and their sound."""

from demo.calls.agent import Agent, CallFailed, answering, calling
from demo.calls.agreed import Agreed, agreed
from demo.calls.sound import Sound

__all__ = ["Agent", "Agreed", "CallFailed", "Sound", "agreed", "answering", "calling"]
