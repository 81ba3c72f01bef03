@echo off
rem Windows: install.bat [FOLDER]
py -3 "%~dp0install.py" %*
if errorlevel 1 pause
